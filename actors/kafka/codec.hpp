// Values of records: JSON in one of three wrappings, and errors inside of replies.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "actors/base/result.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

/// How a value is written. On input all are recognised.
enum class value_codec : std::uint8_t {
  json,         ///< an object
  json_string,  ///< the object's text inside a JSON string literal, as Spring's JsonSerializer makes of a String
  raw,          ///< the object's text, declared as plain text
};
std::optional<value_codec> parse_codec(std::string_view word) noexcept;  ///< `json`, `json-string`, `raw`

inline constexpr std::string_view content_type_header = "content-type";
inline constexpr std::string_view type_id_header = "__TypeId__";

/// How the values of one topic are written.
struct topic_format {
  value_codec codec = value_codec::json;
  std::string type_id;  ///< the header `__TypeId__`; empty: omitted
};
using topic_formats = std::map<std::string, topic_format>;

/// What `content-type` says.
std::string_view content_type_of(value_codec codec) noexcept;
/// A JSON text becomes a value in place.
void wrap(std::string& json, value_codec codec);
/// Of a topic without one: the default.
const topic_format& format_of(const topic_formats& formats, const std::string& topic);
/// Sets value, `content-type` and `__TypeId__` of a record from a JSON text, as its topic wants it.
void write_value(record& to, std::string json, const topic_formats& formats);
/// The object inside, whichever wrapping it came in. Errors: malformed_json says what is wrong (also: no value, not an
/// object, too deep, too large).
result<nlohmann::json> read_value(const std::optional<std::string>& value);

/// `{"error":{message,status,code,fields?}}`
std::string error_value(const error& why);
/// The error that a reply carries; nullopt: it carries none. A code that we do not know becomes `internal` with its
/// text, or invalid_input for a status below 500.
std::optional<error> error_in(const nlohmann::json& value);

}  // namespace social::kafka
