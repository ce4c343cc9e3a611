#include "actors/base/record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace social;
using namespace std::string_literals;

namespace {

enum class colour : std::uint8_t { red = 1, blue = 200 };

struct inner {
  std::uint64_t number = 0;
  std::string text;
  template <class V>
  void fields(V& v) {
    v(number, text);
  }
  friend bool operator==(const inner&, const inner&) = default;
};

struct first_version {
  std::uint64_t big = 0;
  std::int64_t negative = 0;
  bool flag = false;
  colour shade = colour::red;
  std::string text;
  std::optional<std::int64_t> maybe;
  std::vector<inner> list;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(big, negative, flag, shade, text, maybe, list);
  }
  friend bool operator==(const first_version&, const first_version&) = default;
};

/// `inner` after it has grown.
struct grown_inner {
  std::uint64_t number = 0;
  std::string text;
  std::uint64_t added = 42;
  template <class V>
  void fields(V& v) {
    v(number, text, added);
  }
};

struct list_of_inner {
  std::vector<inner> list;
  std::uint64_t behind = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(list, behind);
  }
};

struct list_of_grown {
  std::vector<grown_inner> list;
  std::uint64_t behind = 0;
  static constexpr std::uint8_t version = 2;
  template <class V>
  void fields(V& v) {
    v(list, behind);
  }
};

struct second_version : first_version {
  std::uint16_t added = 7;
  std::string added_too = "default";
  static constexpr std::uint8_t version = 2;
  template <class V>
  void fields(V& v) {
    first_version::fields(v);
    v(added, added_too);
  }
};

const first_version sample = {300, -3, true, colour::blue, "가", 1, {{1, "x"}, {0, ""}}};
/// Written by hand from the description in record.hpp.
const std::string sample_bytes =
    "\x01"              // version
    "\xAC\x02"          // 300
    "\x05"              // -3, zig-zag coded
    "\x01"              // true
    "\xC8\x01"          // 200
    "\x03\xEA\xB0\x80"  // text of three bytes
    "\x01\x02"          // has a value: 1
    "\x02"              // two values
    "\x03\x01\x01x"     // each: its length, then its fields
    "\x02\x00\x00"s;

template <class T>
struct only {
  T value{};
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(value);
  }
};

}  // namespace

TEST_CASE("a record is the bytes that its description says", "[base][record]") {
  CHECK(encode_record(sample) == sample_bytes);
  const auto decoded = decode_record<first_version>(sample_bytes);
  REQUIRE(decoded);
  CHECK(*decoded == sample);
}

TEST_CASE("a record cut anywhere, or with a byte too many, is refused", "[base][record]") {
  for (std::size_t cut = 0; cut < sample_bytes.size(); ++cut) {
    CAPTURE(cut);
    const auto decoded = decode_record<first_version>(std::string_view(sample_bytes).substr(0, cut));
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == error_code::corrupt_record);
  }
  CHECK_FALSE(decode_record<first_version>(sample_bytes + "\0"s));
}

TEST_CASE("a newer reader leaves what an older writer did not know at its default", "[base][record]") {
  const auto read = decode_record<second_version>(sample_bytes);
  REQUIRE(read);
  CHECK(static_cast<const first_version&>(*read) == sample);
  CHECK(read->added == 7);
  CHECK(read->added_too == "default");
}

TEST_CASE("a struct inside a record grows like the record itself", "[base][record]") {
  const auto bytes = encode_record(list_of_inner{{{1, "x"}, {2, "y"}}, 9});
  const auto read = decode_record<list_of_grown>(bytes);
  REQUIRE(read);
  REQUIRE(read->list.size() == 2);
  CHECK(read->list[1].number == 2);
  CHECK(read->list[1].text == "y");
  CHECK(read->list[1].added == 42);
  CHECK(read->behind == 9);
  auto same_version = bytes;
  same_version[0] = '\x02';
  CHECK_FALSE(decode_record<list_of_grown>(same_version));  // of its own version every field has to be there
}

TEST_CASE("what is decoded over shows nothing of what was there", "[base][record]") {
  const first_version full{9, -9, true, colour::blue, std::string(300, 'x'), 9, {{9, "nine"}, {8, "eight"}}};
  for (const auto& written : {sample, first_version{}, full}) {
    first_version over = full;
    REQUIRE(decode_record_over(encode_record(written), over));
    CHECK(over == written);
  }
  second_version grown;
  grown.added = 1'000;
  grown.maybe = 9;
  REQUIRE(decode_record_over(sample_bytes, grown));
  CHECK(static_cast<const first_version&>(grown) == sample);
  CHECK(grown.added == 7);
  list_of_grown list{{{1, "x", 1}, {2, "y", 2}, {3, "z", 3}}, 3};
  REQUIRE(decode_record_over(encode_record(list_of_inner{{{4, "a"}}, 5}), list));
  REQUIRE(list.list.size() == 1);
  CHECK(list.list.front().added == 42);
  // Its memory stays: what this is for.
  first_version kept = full;
  const auto* memory = kept.text.data();
  REQUIRE(decode_record_over(encode_record(full), kept));
  CHECK(kept.text.data() == memory);
  CHECK_FALSE(decode_record_over("\x02"s, kept));
}

TEST_CASE("an older reader refuses a newer record", "[base][record]") {
  const auto newer = encode_record(second_version{});
  const auto read = decode_record<first_version>(newer);
  REQUIRE_FALSE(read);
  CHECK(read.error().text().find("version 2") != std::string_view::npos);
  CHECK_FALSE(decode_record<first_version>("\0"s + sample_bytes.substr(1)));
}

TEST_CASE("integers at their ends come back", "[base][record]") {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX}) {
    const auto decoded = decode_record<only<std::uint64_t>>(encode_record(only<std::uint64_t>{value}));
    REQUIRE(decoded);
    CHECK(decoded->value == value);
  }
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    const auto decoded = decode_record<only<std::int64_t>>(encode_record(only<std::int64_t>{value}));
    REQUIRE(decoded);
    CHECK(decoded->value == value);
  }
}

TEST_CASE("numbers and lengths that cannot be are refused", "[base][record]") {
  CHECK_FALSE(decode_record<only<std::uint64_t>>("\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"s));      // 65 bits
  CHECK_FALSE(decode_record<only<std::uint64_t>>("\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"s));  // 11 bytes
  CHECK_FALSE(decode_record<only<std::uint16_t>>("\x01\x80\x80\x04"s));                                  // 65536
  CHECK_FALSE(decode_record<only<std::string>>("\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01x"s));
  CHECK_FALSE(decode_record<only<std::vector<inner>>>("\x01\xFF\xFF\xFF\xFF\x0F"s));
}
