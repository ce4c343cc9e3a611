#include <nlohmann/json.hpp>

#include "actors/kafka/push/responder_values.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka {
namespace {

using fields = std::vector<field_error>;

result<protocol::subscribe_request> subscription(const char* json) {
  return read_subscribe_request(nlohmann::json::parse(json));
}
fields refusal_of_subscription(const char* json) {
  const auto read = subscription(json);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == error_code::invalid_input);
  return read.error().fields;
}
fields refusal_of_request(const char* json) {
  const auto read = read_push_request(nlohmann::json::parse(json));
  REQUIRE_FALSE(read);
  CHECK(read.error().code == error_code::invalid_input);
  return read.error().fields;
}

constexpr auto number_wanted = "must be a positive number below 2^53";

}  // namespace

TEST_CASE("a subscription is read in our words and in the browser's", "[kafka][responder]") {
  const auto ours = subscription(
      R"({"userId":65,"notificationEndPoint":"e","publicKey":"p","auth":"a","oldEndpoint":"o","locale":"ko",)"
      R"("acceptLanguage":"en-GB","unknown":[1]})");
  REQUIRE(ours);
  CHECK(ours->user == 65);
  CHECK(ours->endpoint == "e");
  CHECK(ours->public_key == "p");
  CHECK(ours->auth == "a");
  CHECK(ours->old_endpoint == "o");
  CHECK(ours->locale == "ko");
  CHECK(ours->accept_language == "en-GB");

  const auto browsers = subscription(
      R"({"userId":"65","endpoint":"e","expirationTime":null,"keys":{"p256dh":"p","auth":"a"},"locale":null})");
  REQUIRE(browsers);
  CHECK(browsers->user == 65);
  CHECK(browsers->endpoint == "e");
  CHECK(browsers->public_key == "p");
  CHECK(browsers->auth == "a");
  CHECK(browsers->locale.empty());
}

TEST_CASE("what is missing or wrong in a subscription is named in its own words", "[kafka][responder]") {
  CHECK(refusal_of_subscription("{}") == fields{{"userId", "is required"},
                                                {"notificationEndPoint", "is required"},
                                                {"publicKey", "is required"},
                                                {"auth", "is required"}});
  CHECK(refusal_of_subscription(R"({"userId":1,"endpoint":7,"keys":[],"locale":1})") ==
        fields{{"endpoint", "must be a string"},
               {"keys.p256dh", "is required"},
               {"keys.auth", "is required"},
               {"locale", "must be a string"}});
  CHECK(refusal_of_subscription(R"({"userId":1,"endpoint":"e","notificationEndPoint":"n","keys":{}})") ==
        fields{{"publicKey", "is required"}, {"auth", "is required"}});
}

TEST_CASE("a user's number is positive and safe in JSON", "[kafka][responder]") {
  for (const auto* id : {"0", "-1", "1.0", "1.5", "9007199254740992", "18446744073709551616", "true", "[]", R"("")",
                         R"("0")", R"("065")", R"("+65")", R"(" 65")", R"("65a")", R"("9007199254740992")"}) {
    CAPTURE(id);
    const auto json = R"({"notificationEndPoint":"e","publicKey":"p","auth":"a","userId":)" + std::string(id) + "}";
    CHECK(refusal_of_subscription(json.c_str()) == fields{{"userId", number_wanted}});
  }
  for (const auto* id : {"1", "9007199254740991", R"("9007199254740991")"}) {
    CAPTURE(id);
    const auto json = R"({"notificationEndPoint":"e","publicKey":"p","auth":"a","userId":)" + std::string(id) + "}";
    CHECK(subscription(json.c_str()).has_value());
  }
}

TEST_CASE("what the push role finds is told in the words that were used", "[kafka][responder]") {
  error why(error_code::invalid_input);
  why.fields = {{"notificationEndPoint", "1"}, {"publicKey", "2"}, {"auth", "3"}, {"locale", "4"}};
  CHECK(in_words(subscription_words::ours, why) == why);
  CHECK(in_words(subscription_words::browsers, why).fields ==
        fields{{"endpoint", "1"}, {"keys.p256dh", "2"}, {"keys.auth", "3"}, {"locale", "4"}});
}

TEST_CASE("requests to the push service are told apart by their kind", "[kafka][responder]") {
  const auto key = read_push_request(nlohmann::json::parse(R"({"kind":"public-key","userId":"x"})"));
  REQUIRE(key);
  CHECK(std::holds_alternative<public_key_request>(*key));
  const auto remove = read_push_request(nlohmann::json::parse(R"({"kind":"remove","userId":65,"id":"12"})"));
  REQUIRE(remove);
  CHECK(std::get<protocol::remove_device_request>(*remove).user == 65);
  CHECK(std::get<protocol::remove_device_request>(*remove).device == 12);

  CHECK(refusal_of_request("{}") == fields{{"kind", "is required"}});
  CHECK(refusal_of_request(R"({"kind":7})") == fields{{"kind", "must be a string"}});
  CHECK(refusal_of_request(R"({"kind":"list","userId":65})") == fields{{"kind", "must be public-key or remove"}});
  CHECK(refusal_of_request(R"({"kind":"remove","id":-1})") == fields{{"userId", "is required"}, {"id", number_wanted}});
}

TEST_CASE("an idempotency key is taken as an api process sends it, or left alone", "[kafka][responder]") {
  const auto mark = [](const char* text) { return read_mark(nlohmann::json::parse(text)); };
  const auto sent = mark(R"({"idempotencyKey":"k-1","fingerprint":"_wA"})");
  CHECK(sent.key == "k-1");
  CHECK(sent.fingerprint == std::string("\xff\x00", 2));
  CHECK(sent.scope.empty());
  for (const auto* text :
       {"{}", R"({"idempotencyKey":"k"})", R"({"idempotencyKey":7,"fingerprint":"_wA"})",
        R"({"idempotencyKey":"","fingerprint":"_wA"})", R"({"idempotencyKey":"k","fingerprint":"!"})"}) {
    CAPTURE(text);
    CHECK_FALSE(mark(text).given());
  }
  nlohmann::json long_one{{"idempotencyKey", std::string(201, 'k')}, {"fingerprint", "_wA"}};
  CHECK_FALSE(read_mark(long_one).given());
  long_one["idempotencyKey"] = std::string(200, 'k');
  CHECK(read_mark(long_one).given());
}

TEST_CASE("replies have the contract's form, byte for byte", "[kafka][responder]") {
  CHECK(subscription_value({12, 65, "https://push.example/\"1\"", "ko", 1'600'000'000'123}) ==
        R"({"seq":12,"userId":65,"notificationEndPoint":"https://push.example/\"1\"","locale":"ko",)"
        R"("createAt":"2020-09-13T12:26:40.123Z"})");
  CHECK(public_key_value({"BKey", "k1"}) == R"({"kind":"public-key","publicKey":"BKey","keyId":"k1"})");
  CHECK(removed_value({65, 12}, {.replayed = true}) ==
        R"({"kind":"remove","userId":65,"id":12,"removed":true,"replayed":true})");
  CHECK(removed_value({65, 12}, {}) == R"({"kind":"remove","userId":65,"id":12,"removed":true})");
}

}  // namespace social::kafka
