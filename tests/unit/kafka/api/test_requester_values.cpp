#include <nlohmann/json.hpp>

#include "actors/base/base64.hpp"
#include "actors/kafka/api/requester_values.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka {
namespace {

using nlohmann::json;

const protocol::subscribe_request asked{65, "https://push.example/1", "P", "A", "", "", ""};

result<domain::subscription::device_view> subscription(const char* text) {
  return read_subscription(json::parse(text), asked);
}
template <class T>
bool is_unreadable(const result<T>& read) {
  return !read && read.error().code == error_code::malformed_json;
}

}  // namespace

TEST_CASE("requests have the contract's form, byte for byte", "[kafka][requester]") {
  CHECK(subscribe_value(asked) ==
        R"({"userId":65,"notificationEndPoint":"https://push.example/1","publicKey":"P","auth":"A"})");
  CHECK(subscribe_value({65, "e", "P", "A", "o", "ko", "en-GB"}) ==
        R"({"userId":65,"notificationEndPoint":"e","publicKey":"P","auth":"A","oldEndpoint":"o","locale":"ko",)"
        R"("acceptLanguage":"en-GB"})");
  CHECK(remove_value({65, 12}) == R"({"kind":"remove","userId":65,"id":12})");
  CHECK(ask_key_value() == R"({"kind":"public-key"})");
}

TEST_CASE("a saved subscription is read as our push role writes it", "[kafka][requester]") {
  const auto saved =
      subscription(R"({"seq":12,"userId":65,"notificationEndPoint":"https://push.example/1","locale":"en",)"
                   R"("createAt":"2020-09-13T12:26:40.123Z"})");
  REQUIRE(saved);
  CHECK(saved->seq == 12);
  CHECK(saved->user_id == 65);
  CHECK(saved->endpoint == "https://push.example/1");
  CHECK(saved->locale == "en");
  CHECK(saved->created_at == 1'600'000'000'123);
}

TEST_CASE("a foreign push service may say less, and in its own way", "[kafka][requester]") {
  const auto saved = subscription(R"({"seq":"12","userId":null,"createAt":1600000000123,"locale":"fr"})");
  REQUIRE(saved);
  CHECK(saved->seq == 12);
  CHECK(saved->user_id == 65);
  CHECK(saved->endpoint == asked.endpoint);
  CHECK(saved->locale == "ko");
  CHECK(saved->created_at == 1'600'000'000'123);
}

TEST_CASE("a reply that cannot be the saved subscription is not taken for it", "[kafka][requester]") {
  for (const auto* text : {R"({})", R"({"createAt":1})", R"({"seq":12})", R"({"seq":0,"createAt":1})",
                           R"({"seq":-1,"createAt":1})", R"({"seq":9007199254740992,"createAt":1})",
                           R"({"seq":12,"createAt":"yesterday"})", R"({"seq":12,"createAt":[2026,11,23]})",
                           R"({"seq":12,"createAt":1,"userId":66})", R"({"seq":12,"createAt":1,"userId":"x"})"}) {
    CAPTURE(text);
    CHECK(is_unreadable(subscription(text)));
  }
}

TEST_CASE("a removal is done when the reply says so", "[kafka][requester]") {
  CHECK(read_removed(json::parse(R"({"kind":"remove","userId":65,"id":12,"removed":true})")));
  CHECK(read_removed(json::parse(R"({"removed":false})")).error().code == error_code::subscription_not_found);
  CHECK(is_unreadable(read_removed(json::parse("{}"))));
  CHECK(is_unreadable(read_removed(json::parse(R"({"removed":"true"})"))));
}

TEST_CASE("an idempotency key goes along, and the reply says whether it is a stored outcome", "[kafka][requester]") {
  const domain::idempotency_mark once{"k-1", "", std::string("\xff\x00", 2)};
  CHECK(remove_value({65, 12}, once) ==
        R"({"kind":"remove","userId":65,"id":12,"idempotencyKey":"k-1","fingerprint":"_wA"})");
  const auto subscribed = json::parse(subscribe_value({65, "e", "p", "a", "", "", ""}, once));
  CHECK(subscribed.at("idempotencyKey") == "k-1");
  CHECK(subscribed.at("fingerprint") == "_wA");
  CHECK(remove_value({65, 12}) == R"({"kind":"remove","userId":65,"id":12})");
  CHECK(read_removed(json::parse(R"({"removed":true,"replayed":true})"))->replayed);
  CHECK_FALSE(read_removed(json::parse(R"({"removed":true,"replayed":"yes"})"))->replayed);
  CHECK(subscription(R"({"seq":12,"createAt":1,"replayed":true})")->replayed);
  CHECK_FALSE(subscription(R"({"seq":12,"createAt":1})")->replayed);
}

TEST_CASE("a key is a point, whatever base64 it comes in", "[kafka][requester]") {
  const std::string point = "\x04" + std::string(63, '\xff') + "\xfb";
  const auto text = base64url_encode(point);
  json reply = {{"publicKey", text}, {"keyId", "k1"}};
  CHECK(read_push_key(reply)->public_key == text);
  CHECK(read_push_key(reply)->key_id == "k1");
  auto padded = text;
  for (auto& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  reply = {{"publicKey", padded + "="}};
  CHECK(read_push_key(reply)->public_key == text);
  CHECK(read_push_key(reply)->key_id.empty());

  for (const auto& wrong : {std::string(), std::string("###"), base64url_encode(point.substr(1)),
                            base64url_encode("\x05" + point.substr(1)), base64url_encode(point + "x")}) {
    CAPTURE(wrong);
    CHECK(is_unreadable(read_push_key({{"publicKey", wrong}})));
  }
  CHECK(is_unreadable(read_push_key(json::object())));
  CHECK(is_unreadable(read_push_key({{"publicKey", 7}})));
}

}  // namespace social::kafka
