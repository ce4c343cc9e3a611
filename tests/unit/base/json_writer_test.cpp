#include "actors/base/json_writer.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

using namespace social;

namespace {

std::string literal(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

TEST_CASE("strings are escaped as RFC 8259 says", "[base][json]") {
  CHECK(literal("") == R"("")");
  CHECK(literal("plain") == R"("plain")");
  CHECK(literal("\"\\/\b\f\n\r\t") == R"("\"\\/\b\f\n\r\t")");
  CHECK(literal(std::string_view("\0\x1F\x7F", 3)) == "\"\\u0000\\u001f\x7F\"");
  CHECK(literal("가😀") == "\"가😀\"");
}

TEST_CASE("each byte that needs an escape gets one wherever it stands in a word", "[base][json]") {
  for (int byte = 0; byte < 0x80; ++byte)
    for (std::size_t at = 0; at < 24; ++at) {
      std::string text = "가나다라마바사아";  // 24 bytes above 0x7F surround it
      text.replace(at / 3 * 3, 3, 3, 'x');
      text[at] = static_cast<char>(byte);
      const auto written = literal(text);
      if (written != nlohmann::json(text).dump()) {
        CAPTURE(byte, at, written);
        FAIL("differs from the JSON library");
      }
    }
}

TEST_CASE("commas and brackets are placed", "[base][json]") {
  std::string out;
  json_writer writer(out);
  writer.begin_object();
  writer.member("text", "a")
      .member("yes", true)
      .member("no", false)
      .member("big", UINT64_MAX)
      .member("small", INT64_MIN);
  writer.member("int", -1).member("u32", std::uint32_t{7}).member("u16", std::uint16_t{8}).key("none").null();
  writer.member_if("absent", std::optional<std::string>()).member_if("present", std::optional<std::string>("p"));
  writer.key("empty").begin_array().end_array();
  writer.key("list")
      .begin_array()
      .value(1)
      .begin_object()
      .end_object()
      .begin_array()
      .value("x")
      .end_array()
      .end_array();
  writer.key("raw").raw("{}").time_member("at", 0).end_object();
  CHECK(out == R"({"text":"a","yes":true,"no":false,"big":18446744073709551615,"small":-9223372036854775808,)"
               R"("int":-1,"u32":7,"u16":8,"none":null,"present":"p","empty":[],"list":[1,{},["x"]],"raw":{},)"
               R"("at":"1970-01-01T00:00:00.000Z"})");
  CHECK(nlohmann::json::accept(out));
}
