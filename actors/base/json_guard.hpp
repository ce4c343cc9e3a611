// Parsing JSON from outside: nlohmann behind a SAX guard. See docs/adr for why the plain parser is not used.
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "actors/base/result.hpp"

namespace social {

struct json_limits {
  std::size_t depth_max = 32;        ///< nested arrays and objects
  std::size_t members_max = 10'000;  ///< values in the whole document
};

/// Refuses duplicate members, over-deep nesting, invalid UTF-8, NUL bytes (raw or as \u0000), trailing text.
/// Errors: malformed_json with a sentence that names the place; never throws.
result<nlohmann::json> parse_json(std::string_view text, const json_limits& limits = {});

}  // namespace social
