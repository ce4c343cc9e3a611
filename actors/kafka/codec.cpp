#include "actors/kafka/codec.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/base/json_guard.hpp"
#include "actors/base/json_writer.hpp"
#include "actors/base/text.hpp"

namespace social::kafka {
namespace {

using nlohmann::json;

/// As much as the HTTP API takes as a body. Our own values stay below a tenth of it.
constexpr std::size_t value_bytes_max = 64 * 1024;
/// Of what a reply's error says; more of it helps nobody.
constexpr std::size_t error_text_bytes_max = 1024;
constexpr std::size_t error_fields_max = 32;

error malformed(std::string why) {
  return {error_code::malformed_json, std::move(why)};
}

void set_header(record& to, std::string_view name, std::string value) {
  std::erase_if(to.headers, [&](const header& h) { return h.name == name; });
  to.headers.push_back({std::string(name), std::move(value)});
}

/// Messages may hold what a client sent; a JSON text never holds bytes that are no text.
std::string_view as_text(std::string_view bytes) {
  return bytes.substr(0, valid_utf8_prefix(bytes));
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return std::string(first_bytes_on_boundary(found->get_ref<const std::string&>(), error_text_bytes_max));
}

std::vector<field_error> fields_of(const json& object) {
  std::vector<field_error> fields;
  const auto found = object.find("fields");
  if (found == object.end() || !found->is_array()) return fields;
  for (const auto& each : *found) {
    if (fields.size() == error_fields_max) break;
    if (!each.is_object()) continue;
    if (auto name = text_of(each, "field"); !name.empty()) fields.push_back({std::move(name), text_of(each, "reason")});
  }
  return fields;
}

std::optional<error_code> code_with_word(std::string_view word) {
  for (const auto code : all_error_codes())
    if (describe(code).word == word) return code;
  return std::nullopt;
}

/// A foreign service has words of its own: what it blames on the request is invalid_input, everything else a failure.
error_code code_of(const json& object) {
  if (const auto known = code_with_word(text_of(object, "code"))) return *known;
  const auto status = object.find("status");
  const bool is_refusal = status != object.end() && status->is_number() && *status >= 400 && *status < 500;
  return is_refusal ? error_code::invalid_input : error_code::internal;
}

}  // namespace

std::optional<value_codec> parse_codec(std::string_view word) noexcept {
  if (word == "json") return value_codec::json;
  if (word == "json-string") return value_codec::json_string;
  if (word == "raw") return value_codec::raw;
  return std::nullopt;
}

std::string_view content_type_of(value_codec codec) noexcept {
  return codec == value_codec::raw ? "text/plain; charset=utf-8" : "application/json";
}

void wrap(std::string& json, value_codec codec) {
  if (codec != value_codec::json_string) return;
  std::string literal;
  literal.reserve(json.size() + json.size() / 4 + 2);
  append_json_string(literal, json);
  json = std::move(literal);
}

const topic_format& format_of(const topic_formats& formats, const std::string& topic) {
  static const topic_format usual;
  const auto found = formats.find(topic);
  return found == formats.end() ? usual : found->second;
}

void write_value(record& to, std::string json, const topic_formats& formats) {
  const auto& format = format_of(formats, to.topic);
  set_header(to, content_type_header, std::string(content_type_of(format.codec)));
  if (!format.type_id.empty()) set_header(to, type_id_header, format.type_id);
  wrap(json, format.codec);
  to.value = std::move(json);
}

result<json> read_value(const std::optional<std::string>& value) {
  if (!value) return malformed("the record has no value");
  if (value->size() > value_bytes_max)
    return malformed("the value has more than " + std::to_string(value_bytes_max) + " bytes");
  auto parsed = parse_json(*value);
  if (parsed && parsed->is_string()) parsed = parse_json(parsed->get_ref<const std::string&>());
  if (parsed && !parsed->is_object()) return malformed("the value is not a JSON object");
  return parsed;
}

std::string error_value(const error& why) {
  const auto described = describe(why.code);
  std::string text;
  json_writer out(text);
  out.begin_object().key("error").begin_object();
  out.member("message", as_text(why.text())).member("status", described.http_status).member("code", described.word);
  if (!why.fields.empty()) {
    out.key("fields").begin_array();
    for (const auto& [field, reason] : why.fields)
      out.begin_object().member("field", as_text(field)).member("reason", as_text(reason)).end_object();
    out.end_array();
  }
  out.end_object().end_object();
  return text;
}

std::optional<error> error_in(const json& value) {
  if (!value.is_object()) return std::nullopt;
  const auto found = value.find("error");
  if (found == value.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return error{error_code::internal, text_of(value, "error")};
  if (!found->is_object()) return error{error_code::internal};
  error why{code_of(*found), text_of(*found, "message")};
  if (why.code == error_code::invalid_input) why.fields = fields_of(*found);
  return why;
}

}  // namespace social::kafka
