// Catch2 under one name: version 2 is one header, version 3 is split. Tests include this file and nothing of Catch2.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <string>

#include <boost/system/result.hpp>

/// Boost claims that every result can be streamed, which fails to compile for a value that cannot.
template <class T, class E>
struct Catch::StringMaker<boost::system::result<T, E>> {
  static std::string convert(const boost::system::result<T, E>& r) {
    return r ? "a value" : "error: " + Catch::Detail::stringify(r.error());
  }
};
