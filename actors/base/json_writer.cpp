#include "actors/base/json_writer.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "actors/base/text.hpp"

namespace social {
namespace {

constexpr bool needs_escape(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// True when one of eight bytes may need an escape ("determine if a word has a byte less than n", S. E. Anderson, Bit
/// Twiddling Hacks). It never misses one; a false alarm only costs the slow path.
bool may_need_escape(const char* bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  const auto below = [](std::uint64_t w, std::uint64_t limit) { return (w - ones * limit) & ~w; };
  const auto found = below(word, 0x20) | below(word ^ (ones * '"'), 1) | below(word ^ (ones * '\\'), 1);
  return (found & (ones * 0x80)) != 0;
}

/// Bytes from `at` on that stand for themselves.
std::size_t plain_run(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at;
  while (text.size() - end >= 8 && !may_need_escape(text.data() + end)) end += 8;
  while (end < text.size() && !needs_escape(text[end])) ++end;
  return end - at;
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr std::string_view hex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += hex[byte >> 4];
  out += hex[byte & 0x0F];
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 24> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by to_chars
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  static_cast<void>(failure);  // 20 digits and a sign always fit
  out.append(digits.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const auto run = plain_run(text, at);
    out.append(text, at, run);
    at += run;
    if (at < text.size()) append_escape(out, text[at++]);
  }
  out.push_back('"');
}

json_writer& json_writer::value(std::uint64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::value(std::int64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::time_member(std::string_view name, std::int64_t milliseconds_since_epoch) {
  key(name);
  return value(to_iso8601(milliseconds_since_epoch));
}

}  // namespace social
