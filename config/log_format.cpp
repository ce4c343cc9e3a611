#include "config/log_format.hpp"

#include <charconv>
#include <cmath>

#include "actors/base/json_writer.hpp"
#include "actors/base/text.hpp"

namespace social::config {
namespace {

/// Bytes above ASCII become `?` in text that is not UTF-8; what was logged is damaged anyway.
std::string valid(std::string_view text) {
  std::string copy(text);
  if (is_valid_utf8(copy)) return copy;
  for (auto& c : copy)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return copy;
}

std::string number(double value) {
  char digits[64];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, value);
  return failure == std::errc{} ? std::string(digits, end) : "0";
}

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};

/// Quoted as in JSON when it would be misread: a line end in a field must not look like a second line.
void append_text(std::string& out, const std::string& text, std::string_view separators) {
  bool plain = !text.empty();
  for (const char c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f || separators.find(c) != std::string_view::npos) plain = false;
  if (plain)
    out.append(text);
  else
    append_json_string(out, text);
}

void append_text_field(std::string& out, const log::field& each) {
  out.append(" ").append(valid(each.key)).append("=");
  std::visit(overloaded{[&](std::string_view text) { append_text(out, valid(text), " =\""); },
                        [&](bool flag) { out.append(flag ? "true" : "false"); },
                        [&](double value) { out.append(number(value)); },
                        [&](auto whole) { out.append(std::to_string(whole)); }},
             each.value);
}

void add_json_field(json_writer& json, const log::field& each) {
  json.key(valid(each.key));
  std::visit(overloaded{[&](std::string_view text) { json.value(valid(text)); },
                        [&](double value) {
                          // JSON has no infinities.
                          std::isfinite(value) ? json.raw(number(value)) : json.null();
                        },
                        [&](auto other) { json.value(other); }},
             each.value);
}

std::string as_text(const log::record& line, std::int64_t time) {
  std::string out = to_iso8601(time);
  const auto level = log::to_string(line.severity);
  out.append(" ").append(level).append(8 - level.size(), ' ');
  out.append(valid(line.component)).append(": ");
  append_text(out, valid(line.message), "");
  for (const auto& each : line.fields) append_text_field(out, each);
  return out;
}

std::string as_json(const log::record& line, std::int64_t time) {
  std::string out;
  json_writer json(out);
  json.begin_object();
  json.member("time", to_iso8601(time));
  json.member("level", log::to_string(line.severity));
  json.member("component", valid(line.component));
  json.member("message", valid(line.message));
  if (!line.fields.empty()) {
    json.key("fields").begin_object();
    for (const auto& each : line.fields) add_json_field(json, each);
    json.end_object();
  }
  json.end_object();
  return out;
}

}  // namespace

std::string format_log_line(const log::record& line, log_format format, std::int64_t milliseconds_since_epoch) {
  return format == log_format::json ? as_json(line, milliseconds_since_epoch) : as_text(line, milliseconds_since_epoch);
}

}  // namespace social::config
