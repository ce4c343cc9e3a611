#include "actors/base/text.hpp"

#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <utf8proc.h>

namespace social {
namespace {

constexpr unsigned char byte_at(std::string_view text, std::size_t index) noexcept {
  return static_cast<unsigned char>(text[index]);
}

constexpr bool is_continuation(unsigned char byte) noexcept {
  return (byte & 0xC0) == 0x80;
}

/// Most text is ASCII: eight bytes are judged at once.
bool eight_ascii_bytes(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return (word & 0x8080808080808080ULL) == 0;
}

/// Length of the well-formed sequence at `at` that starts with a byte of 0x80 or above; 0 when it is ill-formed.
/// The ranges are those of the Unicode Standard, table 3-7.
std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const unsigned char lead = byte_at(text, at);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) return 0;
  const unsigned char second = byte_at(text, at + 1);
  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (second < lowest || second > highest) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (!is_continuation(byte_at(text, at + i))) return 0;
  return length;
}

/// Takes the first code point off well-formed text.
char32_t take_code_point(std::string_view& text) noexcept {
  const unsigned char lead = byte_at(text, 0);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  assert(text.size() >= length);
  char32_t point = lead < 0x80 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = (point << 6) | (byte_at(text, i) & 0x3FU);
  text.remove_prefix(length);
  return point;
}

/// Unicode property White_Space (PropList.txt).
constexpr bool is_white_space(char32_t point) noexcept {
  return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85 || point == 0xA0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 || point == 0x202F ||
         point == 0x205F || point == 0x3000;
}

/// ASCII is in NFC already, which spares the usual name the normaliser.
std::string to_nfc(std::string_view text) {
  if (code_points(text) == text.size()) return std::string(text);
  utf8proc_uint8_t* normalised = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &normalised, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(normalised, &std::free);
  if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  assert(size >= 0);  // the text is well-formed, and nothing else is refused by utf8proc
  return {reinterpret_cast<const char*>(normalised), static_cast<std::size_t>(size)};
}

/// The last `width` decimal digits of a value that is not negative, with zeros before them.
void put_digits(char* to, std::int64_t value, std::size_t width) {
  for (; width > 0; --width, value /= 10) to[width - 1] = static_cast<char>('0' + value % 10);
}

struct civil_date {
  std::int64_t year;
  std::int64_t month;
  std::int64_t day;
};

/// Days since 1970-01-01 to the proleptic Gregorian calendar: H. Hinnant, "chrono-compatible low-level date
/// algorithms", civil_from_days.
constexpr civil_date civil_from_days(std::int64_t days) noexcept {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8 && eight_ascii_bytes(text.data() + at)) {
      at += 8;
    } else if (byte_at(text, at) < 0x80) {
      ++at;
    } else {
      const auto length = sequence_length(text, at);
      if (length == 0) return at;
      at += length;
    }
  }
  return at;
}

bool is_valid_utf8(std::string_view text) noexcept {
  return valid_utf8_prefix(text) == text.size();
}

std::size_t code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char c : text) count += is_continuation(static_cast<unsigned char>(c)) ? 0 : 1;
  return count;
}

std::string_view first_code_points(std::string_view text, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_continuation(byte_at(text, at))) continue;
    if (count == 0) break;
    --count;
  }
  return text.substr(0, at);
}

std::string_view first_bytes_on_boundary(std::string_view text, std::size_t bytes) noexcept {
  if (bytes >= text.size()) return text;
  while (bytes > 0 && is_continuation(byte_at(text, bytes))) --bytes;
  return text.substr(0, bytes);
}

std::optional<std::string> nfc_trimmed(std::string_view text) {
  if (!is_valid_utf8(text)) return std::nullopt;
  const auto normalised = to_nfc(text);
  std::string_view rest = normalised;
  std::size_t begin = normalised.size();
  std::size_t end = 0;
  while (!rest.empty()) {
    const auto at = normalised.size() - rest.size();
    if (is_white_space(take_code_point(rest))) continue;
    if (end == 0) begin = at;
    end = normalised.size() - rest.size();
  }
  return end == 0 ? std::string() : normalised.substr(begin, end - begin);
}

bool is_blank(std::string_view text) noexcept {
  while (!text.empty())
    if (!is_white_space(take_code_point(text))) return false;
  return true;
}

bool has_control_or_bidi(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto point = take_code_point(text);
    const bool control = point < 0x20 || (point >= 0x7F && point <= 0x9F);
    const bool bidi = point == 0x061C || point == 0x200E || point == 0x200F || (point >= 0x202A && point <= 0x202E) ||
                      (point >= 0x2066 && point <= 0x2069);
    if (control || bidi || point == 0x2028 || point == 0x2029) return true;
  }
  return false;
}

std::string ascii_lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lowered;
}

std::string to_iso8601(std::int64_t milliseconds_since_epoch) {
  constexpr std::int64_t day_ms = 86'400'000;
  std::int64_t days = milliseconds_since_epoch / day_ms;
  std::int64_t rest = milliseconds_since_epoch % day_ms;
  if (rest < 0) {
    --days;
    rest += day_ms;
  }
  const auto date = civil_from_days(days);
  // Every event and most answers hold one or two: written in place.
  std::string out = "0000-00-00T00:00:00.000Z";
  put_digits(out.data() + 5, date.month, 2);
  put_digits(out.data() + 8, date.day, 2);
  put_digits(out.data() + 11, rest / 3'600'000, 2);
  put_digits(out.data() + 14, rest / 60'000 % 60, 2);
  put_digits(out.data() + 17, rest / 1'000 % 60, 2);
  put_digits(out.data() + 20, rest % 1'000, 3);
  if (date.year >= 0 && date.year <= 9'999)
    put_digits(out.data(), date.year, 4);
  else
    out.replace(0, 4, std::to_string(date.year));
  return out;
}

}  // namespace social
