// Asks the admin listener of a running process, as subcommands do.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "actors/base/result.hpp"

namespace social::config {

struct admin_request {
  std::string url;  ///< `http://127.0.0.1:9090`, `http://[::1]:9090`
  std::string token;
  std::string method = "GET";
  std::string path;
  std::string body = {};  ///< JSON; empty: none
  std::chrono::seconds timeout{30};
  std::size_t answer_bytes_max = std::size_t{16} << 20;
};

struct admin_answer {
  int status = 0;
  std::string body;
};

/// One connection for one request; blocks. Errors, each a sentence: unavailable (nobody listens there), outcome_unknown
/// (the connection broke, or there was no answer in time), invalid_input (no such URL).
result<admin_answer> ask_admin(const admin_request& request);

}  // namespace social::config
