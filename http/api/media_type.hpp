// The value of a Content-Type header (RFC 9110 section 8.3) and of others with the same form of parameters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace social::http {

/// "form-data; name=\"a\"" or "application/json; charset=utf-8": a word and its parameters.
struct parameterized_value {
  std::string word;                                             ///< lower case
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case

  /// Null when it is not there.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
};

/// Nothing when it is malformed, or when a parameter comes twice.
std::optional<parameterized_value> parse_parameterized(std::string_view text);

enum class media : std::uint8_t { other, json, form };

struct content_type {
  media kind = media::other;
  std::string boundary;  ///< only of a form
};

/// JSON only in UTF-8, a form only with a sound boundary (RFC 2046 section 5.1.1); `other` for everything else.
content_type parse_content_type(std::string_view text);

}  // namespace social::http
