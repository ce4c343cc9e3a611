// Writing JSON in a fixed field order straight into one buffer. Answers are built on the hot path from values that are
// already in memory; a document tree in between costs ten times the text itself (docs/adr has the figures).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace social {

/// Appends `text` as a JSON string literal with quotes (RFC 8259 section 7). `text` is valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

/// Objects and arrays are opened and closed in pairs by the caller; commas are placed by the writer.
class json_writer {
 public:
  explicit json_writer(std::string& out) : out_(out) {}

  json_writer& begin_object() { return open('{'); }
  json_writer& end_object() { return close('}'); }
  json_writer& begin_array() { return open('['); }
  json_writer& end_array() { return close(']'); }

  json_writer& key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_.push_back(':');
    fresh_ = true;
    return *this;
  }
  json_writer& value(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
  }
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(bool flag) { return raw(flag ? "true" : "false"); }
  json_writer& value(std::uint64_t number);
  json_writer& value(std::int64_t number);
  json_writer& value(int number) { return value(static_cast<std::int64_t>(number)); }
  json_writer& value(std::uint32_t number) { return value(static_cast<std::uint64_t>(number)); }
  json_writer& value(std::uint16_t number) { return value(static_cast<std::uint64_t>(number)); }
  json_writer& null() { return raw("null"); }
  /// Text that is JSON already.
  json_writer& raw(std::string_view json) {
    separate();
    out_.append(json);
    return *this;
  }
  template <class T>
  json_writer& member(std::string_view name, const T& v) {
    key(name);
    return value(v);
  }
  /// Left out when there is no value.
  template <class T>
  json_writer& member_if(std::string_view name, const std::optional<T>& v) {
    if (v) member(name, *v);
    return *this;
  }
  /// ISO 8601 text of milliseconds since the epoch.
  json_writer& time_member(std::string_view name, std::int64_t milliseconds_since_epoch);

 private:
  void separate() {
    if (!fresh_) out_.push_back(',');
    fresh_ = false;
  }
  json_writer& open(char bracket) {
    separate();
    out_.push_back(bracket);
    fresh_ = true;
    return *this;
  }
  json_writer& close(char bracket) {
    out_.push_back(bracket);
    fresh_ = false;
    return *this;
  }
  std::string& out_;
  bool fresh_ = true;
};

}  // namespace social
