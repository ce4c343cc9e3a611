#include "actors/base/json_guard.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/base/text.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using Catch::Matchers::Contains;

namespace {

std::string refusal(std::string_view text, const json_limits& limits = {}) {
  const auto parsed = parse_json(text, limits);
  if (parsed) return "accepted";
  CHECK(parsed.error().code == error_code::malformed_json);
  CHECK(is_valid_utf8(parsed.error().message));
  return parsed.error().message;
}

}  // namespace

TEST_CASE("good JSON comes through as it is", "[base][json]") {
  const std::vector<std::string> texts = {
      R"({"a":[1,-2,3.5,true,false,null,"x"],"b":{"c":{}},"d":[]})",
      R"("text")",
      "0",
      "-9223372036854775808",
      "18446744073709551615",
      R"({"name":"한글 \ud83d\ude00 \u00e9","a":{"name":1},"b":[{"name":2},{"name":3}]})",
      " [ 1 , 2 ] \n",
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    const auto parsed = parse_json(text);
    REQUIRE(parsed);
    CHECK(*parsed == nlohmann::json::parse(text));
  }
}

TEST_CASE("a hostile depth is refused where it begins", "[base][json]") {
  CHECK_THAT(refusal(std::string(200'000, '[')), Contains("nested deeper than 32"));
  CHECK_THAT(refusal(std::string(200'000, '[') + std::string(200'000, ']')), Contains("nested deeper than 32"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  CHECK_THAT(refusal(objects), Contains("nested deeper than 32"));
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse_json(nested(32)).has_value());
  CHECK_THAT(refusal(nested(33)), Contains("nested deeper"));
  CHECK(parse_json(nested(2), {.depth_max = 2}).has_value());
  CHECK_THAT(refusal(nested(3), {.depth_max = 2}), Contains("deeper than 2"));
}

TEST_CASE("duplicate members are refused, at any depth, however they are spelt", "[base][json]") {
  CHECK_THAT(refusal(R"({"a":1,"a":2})"), Contains("duplicate member \"a\""));
  CHECK_THAT(refusal(R"({"a":1,"b":2,"\u0061":3})"), Contains("duplicate member \"a\""));
  CHECK_THAT(refusal(R"({"x":[0,{"y":null,"y":null}]})"), Contains("duplicate member \"y\"") && Contains("in /x/1"));
  CHECK(parse_json(R"({"a":{"a":1},"b":{"a":1}})").has_value());
}

TEST_CASE("NUL is refused, raw and escaped, in values and names", "[base][json]") {
  CHECK_THAT(refusal(std::string_view("{\"a\":1}\0", 8)), Contains("NUL byte at byte 8"));
  CHECK_THAT(refusal(std::string_view("{\"a\":1}\0{\"b\":2}", 15)), Contains("NUL byte"));
  CHECK_THAT(refusal(std::string_view("\"a\0b\"", 5)), Contains("NUL byte"));
  CHECK_THAT(refusal(R"({"a":"x\u0000y"})"), Contains("NUL") && Contains("/a"));
  CHECK_THAT(refusal(R"({"a\u0000":1})"), Contains("NUL"));
  CHECK(parse_json(R"("\u0001")").has_value());
}

TEST_CASE("ill-formed text is refused", "[base][json]") {
  CHECK_THAT(refusal("\"\xFF\""), Contains("invalid UTF-8 at byte 2"));
  CHECK_THAT(refusal("{\"\xC0\xAF\":1}"), Contains("invalid UTF-8 at byte 3"));
  CHECK_THAT(refusal("\"\xED\xA0\x80\""), Contains("invalid UTF-8"));
  for (const auto* text : {R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")", R"(["\ud800\ud800"])"}) {
    CAPTURE(text);
    CHECK_THAT(refusal(text), Contains("syntax error at byte"));
  }
}

TEST_CASE("what is not JSON is refused, and the place is named", "[base][json]") {
  for (const auto* text :
       {"",    " ",     "{",      "[1,]",    "{\"a\":}", "{'a':1}", "nul",     "01",    "+1",        "1.",
        "NaN", "[1] x", "\"\t\"", "\"\\x\"", "1e999",    "{} {}",   "// c\n1", "[1 2]", "{\"a\" 1}", "{1:2}"}) {
    CAPTURE(text);
    CHECK_THAT(refusal(text), Contains("syntax error at byte"));
  }
  CHECK_THAT(refusal(R"({"user":{"names":["a","b",?]}})"), Contains("byte 27") && Contains("in /user/names/2"));
}

TEST_CASE("the refusal repeats no values and cannot turn the text around", "[base][json]") {
  const auto message = refusal(R"({"credentials":"hunter2" x})");
  CHECK_THAT(message, !Contains("hunter2"));
  CHECK_THAT(refusal("{\"a\\u202eb\":1,\"a\\u202eb\":2}"), Contains("duplicate member \"?\""));
  const std::string name(100'000, 'n');
  CHECK(refusal("{\"" + name + "\":1,\"" + name + "\":2}").size() < 200);
}

TEST_CASE("the number of values is bounded", "[base][json]") {
  const auto array_of = [](std::size_t zeros) {
    std::string text = "[0";
    for (std::size_t i = 1; i < zeros; ++i) text += ",0";
    return text + "]";
  };
  CHECK(parse_json(array_of(9'999)).has_value());  // the array itself is a value, too
  CHECK_THAT(refusal(array_of(10'000)), Contains("more than 10000 values"));
  CHECK(parse_json(R"({"a":1,"b":2})", {.members_max = 3}).has_value());
  CHECK_THAT(refusal(R"({"a":1,"b":{}})", {.members_max = 2}), Contains("more than 2 values"));
}
