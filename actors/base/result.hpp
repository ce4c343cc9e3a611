// result<T>: a value or our error. Exceptions stay at library borders, in the file that calls the library.
#pragma once

#include <stdexcept>

#include <boost/system/result.hpp>

#include "actors/base/error.hpp"

namespace social {

/// Found by Boost when `.value()` is called on a failed result: a programmer error, said loudly.
[[noreturn]] inline void throw_exception_from_error(const error& e, const boost::source_location&) {
  throw std::logic_error("value() of a failed result: " + std::string(e.text()));
}

template <class T>
using result = boost::system::result<T, error>;

}  // namespace social
