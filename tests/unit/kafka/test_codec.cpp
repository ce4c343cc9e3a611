#include <string>

#include <nlohmann/json.hpp>

#include "actors/kafka/codec.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::kafka;

namespace {

record written(const topic_format& format, std::string json = R"({"a":"한 \"글\""})") {
  record r;
  r.topic = "t";
  write_value(r, std::move(json), {{"t", format}});
  return r;
}

std::string refusal(std::optional<std::string> value) {
  const auto read = read_value(value);
  if (read) return "accepted";
  CHECK(read.error().code == error_code::malformed_json);
  return read.error().message;
}

error error_of(const char* json) {
  return error_in(nlohmann::json::parse(json)).value();
}

}  // namespace

TEST_CASE("codecs have the words of the contract", "[kafka][codec]") {
  CHECK(parse_codec("json") == value_codec::json);
  CHECK(parse_codec("json-string") == value_codec::json_string);
  CHECK(parse_codec("raw") == value_codec::raw);
  CHECK_FALSE(parse_codec("JSON"));
  CHECK_FALSE(parse_codec(""));
}

TEST_CASE("a value is written as its topic wants it", "[kafka][codec]") {
  const auto plain = written({});
  CHECK(plain.value == R"({"a":"한 \"글\""})");
  CHECK(plain.headers == std::vector<header>{{"content-type", "application/json"}});

  const auto quoted = written({value_codec::json_string, "java.lang.String"});
  CHECK(quoted.value == R"("{\"a\":\"한 \\\"글\\\"\"}")");
  CHECK(quoted.headers ==
        std::vector<header>{{"content-type", "application/json"}, {"__TypeId__", "java.lang.String"}});

  const auto raw = written({value_codec::raw, ""});
  CHECK(raw.value == plain.value);
  CHECK(raw.headers == std::vector<header>{{"content-type", "text/plain; charset=utf-8"}});
}

TEST_CASE("a topic without a format of its own gets plain JSON", "[kafka][codec]") {
  record r;
  r.topic = "another";
  write_value(r, "{}", {{"t", {value_codec::json_string, "x"}}});
  CHECK(r.value == "{}");
  CHECK(r.headers == std::vector<header>{{"content-type", "application/json"}});
}

TEST_CASE("writing a value leaves other headers and replaces its own", "[kafka][codec]") {
  record r;
  r.topic = "t";
  r.headers = {{"content-type", "a"}, {"traceparent", "b"}, {"content-type", "c"}, {"__TypeId__", "d"}};
  write_value(r, "{}", {{"t", {value_codec::json, "e"}}});
  CHECK(r.headers ==
        std::vector<header>{{"traceparent", "b"}, {"content-type", "application/json"}, {"__TypeId__", "e"}});
}

TEST_CASE("every wrapping is read back, whoever wrote it", "[kafka][codec]") {
  const auto object = nlohmann::json::parse(R"({"a":"한 \"글\""})");
  for (const auto codec : {value_codec::json, value_codec::json_string, value_codec::raw}) {
    CAPTURE(static_cast<int>(codec));
    const auto read = read_value(written({codec, ""}).value);
    REQUIRE(read);
    CHECK(*read == object);
  }
  // Jackson may escape more than we do, and people put white space around.
  const auto spaced = read_value(" \"\\u007b \\\"a\\\": 1}\" \n");
  REQUIRE(spaced);
  CHECK(spaced->at("a") == 1);
}

TEST_CASE("a value that is no object is refused with its reason", "[kafka][codec]") {
  CHECK(refusal(std::nullopt) == "the record has no value");
  CHECK(refusal("[]") == "the value is not a JSON object");
  CHECK(refusal("\"[]\"") == "the value is not a JSON object");
  CHECK(refusal("7") == "the value is not a JSON object");
  // Unwrapped once: a literal inside a literal is text, not an object.
  CHECK(refusal(R"("\"{}\"")") == "the value is not a JSON object");
  CHECK(refusal("").find("syntax error") == 0);
  CHECK(refusal("\"hello\"").find("syntax error") == 0);
  CHECK(refusal("{\"a\":\"\xff\"}").find("invalid UTF-8") == 0);
  CHECK(refusal(R"({"a":1,"a":2})").find("duplicate member") == 0);
  CHECK(refusal(R"("{\"a\":1,\"a\":2}")").find("duplicate member") == 0);
  CHECK(refusal(std::string(200'000, '[')).find("the value has more than 65536 bytes") == 0);
  CHECK(refusal(std::string(33, '[')).find("nested deeper") == 0);
  CHECK(refusal("{}") == "accepted");
}

TEST_CASE("a value may have 64 KiB and not a byte more", "[kafka][codec]") {
  const auto sized = [](std::size_t bytes) { return "{\"a\":\"" + std::string(bytes - 8, 'x') + "\"}"; };
  CHECK(refusal(sized(65'536)) == "accepted");
  CHECK(refusal(sized(65'537)) == "the value has more than 65536 bytes");
}

TEST_CASE("an error is written in the contract's form, byte for byte", "[kafka][codec]") {
  CHECK(error_value(error_code::subscription_not_found) ==
        R"({"error":{"message":"There is no such subscription","status":404,"code":"subscription_not_found"}})");
  error why(error_code::invalid_input, "wrong");
  why.fields = {{"auth", "is required"}, {"publicKey", "must be text"}};
  CHECK(error_value(why) ==
        R"({"error":{"message":"wrong","status":400,"code":"invalid_input","fields":[)"
        R"({"field":"auth","reason":"is required"},{"field":"publicKey","reason":"must be text"}]}})");
}

TEST_CASE("an error with bytes that are no text is still JSON", "[kafka][codec]") {
  error why(error_code::invalid_input, "bad \xff\xfe bytes");
  why.fields = {{"k\xff", "r\xff"}};
  const auto read = error_in(*read_value(error_value(why)));
  REQUIRE(read);
  CHECK(read->message == "bad ");
  CHECK(read->fields == std::vector<field_error>{{"k", "r"}});
}

TEST_CASE("every error of ours comes back as itself", "[kafka][codec]") {
  for (const auto code : all_error_codes()) {
    CAPTURE(describe(code).word);
    const auto read = error_in(*read_value(error_value({code, "said so"})));
    REQUIRE(read);
    CHECK(read->code == code);
    CHECK(read->message == "said so");
  }
}

TEST_CASE("a foreign service's error is taken for what it means", "[kafka][codec]") {
  CHECK(error_of(R"({"error":{"message":"no","status":422,"code":"constraint"}})") ==
        error(error_code::invalid_input, "no"));
  CHECK(error_of(R"({"error":{"message":"no","status":502,"code":"bad-gateway"}})") ==
        error(error_code::internal, "no"));
  CHECK(error_of(R"({"error":{"message":"no","status":"422"}})") == error(error_code::internal, "no"));
  CHECK(error_of(R"({"error":{"status":399}})").code == error_code::internal);
  CHECK(error_of(R"({"error":"it broke"})") == error(error_code::internal, "it broke"));
  CHECK(error_of(R"({"error":true})") == error(error_code::internal));
  CHECK(error_of(R"({"error":[]})") == error(error_code::internal));
  CHECK(error_of(R"({"error":{"message":7,"code":7}})") == error(error_code::internal));
}

TEST_CASE("fields of an error are read as far as they are fields", "[kafka][codec]") {
  const auto why = error_of(
      R"({"error":{"code":"invalid_input","fields":[7,{"field":"a","reason":"b"},{"reason":"c"},{"field":"d"}]}})");
  CHECK(why.fields == std::vector<field_error>{{"a", "b"}, {"d", ""}});
  CHECK(error_of(R"({"error":{"code":"not_found","fields":[{"field":"a","reason":"b"}]}})").fields.empty());
}

TEST_CASE("what an error says is bounded", "[kafka][codec]") {
  auto value = nlohmann::json::parse(R"({"error":{"code":"invalid_input","fields":[]}})");
  value["error"]["message"] = std::string(50'000, 'm');
  for (int i = 0; i < 100; ++i)
    value["error"]["fields"].push_back({{"field", std::to_string(i)}, {"reason", std::string(5'000, 'r')}});
  const auto why = error_in(value).value();
  CHECK(why.message.size() == 1024);
  CHECK(why.fields.size() == 32);
  CHECK(why.fields.front().reason.size() == 1024);
}

TEST_CASE("a value without an error carries none", "[kafka][codec]") {
  CHECK_FALSE(error_in(nlohmann::json::parse(R"({"seq":1})")));
  CHECK_FALSE(error_in(nlohmann::json::parse(R"({"error":null})")));
  CHECK_FALSE(error_in(nlohmann::json::parse("[]")));
}
