#include "actors/base/text.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace social;

namespace {

std::string encoded(char32_t point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | (point >> 6)), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | (point >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (point >> 18)), tail(12), tail(6), tail(0)};
}

/// The definition, slowly: a sequence is well-formed when it is the encoding of a scalar value.
bool is_one_scalar(const std::string& bytes) {
  char32_t point = static_cast<unsigned char>(bytes[0]);
  if (bytes.size() > 1) {
    point &= 0xFFU >> (bytes.size() + 1);
    for (std::size_t i = 1; i < bytes.size(); ++i)
      point = (point << 6) | (static_cast<unsigned char>(bytes[i]) & 0x3FU);
  }
  return point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF) && encoded(point) == bytes;
}

}  // namespace

TEST_CASE("every scalar value is valid UTF-8, alone and between others", "[base][text]") {
  for (char32_t point = 0; point <= 0x10FFFF; ++point) {
    const bool scalar = point < 0xD800 || point > 0xDFFF;
    const auto bytes = encoded(point);
    if (is_valid_utf8(bytes) != scalar || (scalar && code_points(bytes) != 1)) {
      CAPTURE(static_cast<std::uint32_t>(point));
      FAIL("a code point is judged wrongly");
    }
  }
  CHECK(is_valid_utf8("abcdefgh가나다abcdefghijklmnop😀"));
  CHECK(is_valid_utf8(""));
}

TEST_CASE("sequences of two, three and four bytes are valid exactly when they encode a scalar value", "[base][text]") {
  const std::string edges = "\x01\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xFF";
  for (int lead = 0x80; lead <= 0xFF; ++lead)
    for (int second = 0; second <= 0xFF; ++second) {
      std::vector<std::string> sequences = {{static_cast<char>(lead), static_cast<char>(second)}};
      for (const char third : edges) {
        sequences.push_back(sequences.front() + third);
        for (const char fourth : {'\x7F', '\x80', '\xBF', '\xC0'})
          sequences.push_back(sequences.front() + third + fourth);
      }
      for (const auto& bytes : sequences) {
        // A shorter scalar value followed by ASCII is valid, too; here only the whole is asked for.
        const bool expected = is_one_scalar(bytes);
        const bool actual = is_valid_utf8(bytes) && code_points(bytes) == 1;
        if (actual != expected) {
          CAPTURE(lead, second, bytes.size());
          FAIL("a sequence is judged wrongly");
        }
      }
    }
}

TEST_CASE("ill-formed UTF-8 is found where it begins", "[base][text]") {
  struct row {
    std::string bytes;
    std::size_t at;
  };
  const std::vector<row> rows = {
      {"\x80", 0},                      // continuation without a beginning
      {"\xC0\xAF", 0},                  // overlong '/'
      {"\xE0\x80\xAF", 0},              // overlong '/'
      {"\xF0\x80\x80\xAF", 0},          // overlong '/'
      {"\xED\xA0\x80", 0},              // surrogate U+D800
      {"\xF4\x90\x80\x80", 0},          // U+110000
      {"\xF8\x88\x80\x80\x80", 0},      // five bytes
      {"12345678901234567\xFF", 17},    // behind whole words of ASCII
      {"가\xEA\xB0", 3},                // cut short
      {"abcdefg\xEA\xB0\x80\xEA", 10},  // cut short behind a good one
  };
  for (const auto& [bytes, at] : rows) {
    CAPTURE(bytes.size(), at);
    CHECK_FALSE(is_valid_utf8(bytes));
    CHECK(valid_utf8_prefix(bytes) == at);
    CHECK_FALSE(nfc_trimmed(bytes).has_value());
  }
}

TEST_CASE("characters are code points", "[base][text]") {
  CHECK(code_points("") == 0);
  CHECK(code_points("abc") == 3);
  CHECK(code_points("가나") == 2);
  CHECK(code_points("😀") == 1);
  CHECK(code_points("👨‍👩‍👧") == 5);  // three people and two joiners
  CHECK(first_code_points("가나다", 2) == "가나");
  CHECK(first_code_points("가나다", 3) == "가나다");
  CHECK(first_code_points("가나다", 9) == "가나다");
  CHECK(first_code_points("가나다", 0).empty());
  CHECK(first_code_points("", 3).empty());
}

TEST_CASE("bytes are cut between characters", "[base][text]") {
  const std::string text = "a가😀";  // 1 + 3 + 4 bytes
  const std::vector<std::size_t> expected = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
  for (std::size_t bytes = 0; bytes < expected.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK(first_bytes_on_boundary(text, bytes) == text.substr(0, expected[bytes]));
  }
}

TEST_CASE("text is normalised to NFC", "[base][text]") {
  CHECK(nfc_trimmed("\u1112\u1161\u11AB\u1100\u1173\u11AF") == "한글");  // conjoining Jamo
  CHECK(nfc_trimmed("e\u0301") == "\u00E9");
  CHECK(nfc_trimmed("\u212B") == "\u00C5");        // Angstrom sign: a canonical singleton
  CHECK(nfc_trimmed("\uFB01") == "\uFB01");        // a ligature is compatible only: left alone
  CHECK(nfc_trimmed("\u0958") == "\u0915\u093C");  // composition exclusion
  CHECK(nfc_trimmed("plain") == "plain");
  CHECK(nfc_trimmed(std::string_view("a\0b\u00E9", 5)) == std::string("a\0b\u00E9", 5));
}

TEST_CASE("white space is trimmed at both ends", "[base][text]") {
  CHECK(nfc_trimmed("  a b\t\n") == "a b");
  CHECK(nfc_trimmed("\u3000\u00A0가 나\u2003\u0085") == "가 나");
  CHECK(nfc_trimmed(" \u3000\t") == "");
  CHECK(nfc_trimmed("") == "");
  CHECK(nfc_trimmed("\u200Ba") == "\u200Ba");  // zero width space is not White_Space
  CHECK(is_blank(""));
  CHECK(is_blank(" \u3000\t\u2029"));
  CHECK_FALSE(is_blank(" . "));
  CHECK_FALSE(is_blank("\u200B"));
}

TEST_CASE("white space is exactly the Unicode property", "[base][text]") {
  const std::vector<char32_t> white_space = {0x09,   0x0A,   0x0B,   0x0C,   0x0D,   0x20,   0x85,   0xA0,   0x1680,
                                             0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
                                             0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
  std::vector<char32_t> blank;
  for (char32_t point = 0; point <= 0x10FFFF; ++point)
    if ((point < 0xD800 || point > 0xDFFF) && is_blank(encoded(point))) blank.push_back(point);
  CHECK(blank == white_space);
}

TEST_CASE("control and bidi characters are exactly those of the list", "[base][text]") {
  const auto misleading = [](char32_t p) {
    return p < 0x20 || (p >= 0x7F && p < 0xA0) || p == 0x61C || p == 0x200E || p == 0x200F || p == 0x2028 ||
           p == 0x2029 || (p >= 0x202A && p <= 0x202E) || (p >= 0x2066 && p <= 0x2069);
  };
  for (char32_t point = 0; point < 0x11000; ++point) {
    if (point >= 0xD800 && point <= 0xDFFF) continue;
    if (has_control_or_bidi("ab" + encoded(point) + "c") != misleading(point)) {
      CAPTURE(static_cast<std::uint32_t>(point));
      FAIL("a code point is judged wrongly");
    }
  }
  CHECK(has_control_or_bidi("user\u202Egnp.exe"));
  CHECK_FALSE(has_control_or_bidi("👨‍👩‍👧 가나다"));
  CHECK_FALSE(has_control_or_bidi(""));
}

TEST_CASE("only ASCII letters are lowered", "[base][text]") {
  CHECK(ascii_lower("A.Z@[`{Ä가Q") == "a.z@[`{Ä가q");
}

TEST_CASE("times are ISO 8601 in UTC with milliseconds", "[base][text]") {
  struct row {
    std::int64_t milliseconds;
    std::string text;
  };
  const std::vector<row> rows = {
      {0, "1970-01-01T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {-86'400'000, "1969-12-31T00:00:00.000Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},
      {951'868'800'000, "2000-03-01T00:00:00.000Z"},
      {4'107'542'400'000, "2100-03-01T00:00:00.000Z"},  // 2100 is no leap year
      {1'795'449'240'123, "2026-11-23T15:54:00.123Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
      {-62'135'596'800'000, "0001-01-01T00:00:00.000Z"},
  };
  for (const auto& [milliseconds, text] : rows) CHECK(to_iso8601(milliseconds) == text);
}
