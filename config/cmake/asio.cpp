// The function bodies of Asio and Beast. Every other file sees declarations only, which halves its compile time.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
