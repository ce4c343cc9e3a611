// The members of a JSON body, with every problem collected, so that a caller hears of all of them at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/base/json_guard.hpp"
#include "actors/base/result.hpp"

namespace social::http {

/// Adds what a rule found to what the reader found; a field that has a problem already keeps that one alone.
void merge_field_errors(std::vector<field_error>& into, std::vector<field_error> more);

/// invalid_input with the fields.
error invalid_fields(std::vector<field_error> fields);
error invalid_field(std::string field, std::string reason);

class json_fields {
 public:
  /// Errors: malformed_json, also when the body is no object.
  static result<json_fields> parse(std::string_view body, const json_limits& limits);

  /// Text that must be there (null is as good as absent). `path` is a member or "object.member".
  std::string required(std::string_view path);
  /// Text that may be there.
  std::string optional(std::string_view path);
  [[nodiscard]] bool has(std::string_view member) const;

  std::vector<field_error> problems;

 private:
  const nlohmann::json* find(std::string_view path);
  std::string text(std::string_view path, bool must_be_there);

  nlohmann::json object_;
};

}  // namespace social::http
