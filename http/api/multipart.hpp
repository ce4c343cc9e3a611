// multipart/form-data (RFC 7578, on RFC 2046 section 5.1) in one complete body.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actors/base/result.hpp"

namespace social::http {

struct form_limits {
  std::size_t parts_max = 16;
  std::size_t part_header_bytes_max = 4096;
};

struct form_part {
  std::string name;
  bool is_file = false;      ///< has a filename
  std::string_view content;  ///< a view into the body
};

/// Strict where readers could differ: CRLF line ends, a closing delimiter, a name for each part, no transfer encoding.
/// Text before the first and after the closing delimiter is ignored. Errors: malformed_request with a sentence.
result<std::vector<form_part>> parse_form(std::string_view body, std::string_view boundary, const form_limits& limits);

}  // namespace social::http
