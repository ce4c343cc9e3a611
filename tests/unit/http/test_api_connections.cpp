#include "tests/unit/http/api_harness.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::testing;
using names = std::vector<std::string>;

namespace {

result<domain::erased_ptr> connection(domain::user::connection_state state) {
  return domain::erase(
      domain::user::reply(domain::user::connection_view{api_fixture::me_id, api_fixture::other_id, state}));
}

}  // namespace

TEST_CASE("asking for a connection brings who asks to the target", "[api]") {
  api_fixture f;
  f.node.account = protocol::account_answer{api_fixture::account(), "", api_fixture::person(api_fixture::me_id)};
  f.node.command_answer = connection(domain::user::connection_state::requested);
  const auto r = f.send("POST", "/api/user/connections/581", "", {f.bearer()});
  CHECK(r.body == R"({"success":true,"response":{"userId":451,"targetId":581,"state":"requested"}})");
  CHECK(f.node.commands.at(0).target.id == api_fixture::other_id);
  const auto& sent = std::get<domain::user::request_connection>(f.node.last<domain::user_aggregate>());
  CHECK(sent.caller == api_fixture::person(api_fixture::me_id));
}

TEST_CASE("to oneself is 400, to nobody 404", "[api]") {
  api_fixture f;
  f.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  CHECK(f.call("POST", "/api/user/connections/451").fields() == names{"targetId"});
  CHECK(f.call("POST", "/api/user/connections/0").code() == "user_not_found");
  CHECK(f.call("POST", "/api/user/connections/grant").code() == "user_not_found");
  CHECK(f.node.commands.empty());
  f.node.command_answer = error(error_code::user_not_found);
  CHECK(f.call("POST", "/api/user/connections/581").code() == "user_not_found");
  CHECK(f.call("PATCH", "/api/user/connections/grant/451").fields() == names{"userId"});
  CHECK(f.call("PATCH", "/api/user/connections/grant/abc").code() == "connection_not_found");
}

TEST_CASE("granting is a command to oneself", "[api]") {
  api_fixture f;
  f.node.command_answer = connection(domain::user::connection_state::granted);
  CHECK(f.call("PATCH", "/api/user/connections/grant/581").value().at("state") == "granted");
  CHECK(f.node.commands.at(0).target.id == api_fixture::me_id);
  CHECK(std::get<domain::user::grant_connection>(f.node.last<domain::user_aggregate>()).caller == 581);
  f.node.command_answer = error(error_code::connection_not_found);
  CHECK(f.call("PATCH", "/api/user/connections/grant/581").status == 404);
}

TEST_CASE("a device is subscribed in our words or in the browser's", "[api]") {
  api_fixture f;
  f.node.subscribe_answer =
      domain::subscription::device_view{12, api_fixture::me_id, "https://push.example/1", "ko", 1'600'000'000'000};
  const auto own =
      f.send("POST", "/api/subscribe",
             R"({"notificationEndPoint":"https://push.example/1","publicKey":"p","auth":"a","locale":"ko"})",
             {f.bearer(), {"Content-Type", "application/json"}, {"Accept-Language", "ko-KR"}});
  CHECK(own.value().dump() == R"({"createAt":"2020-09-13T12:26:40.000Z","locale":"ko","notificationEndPoint":)"
                              R"("https://push.example/1","seq":12,"userId":451})");
  const auto browser = f.call(
      "POST", "/api/subscribe",
      R"({"endpoint":"https://push.example/2","expirationTime":null,"keys":{"p256dh":"P","auth":"A"},"oldEndpoint":"o"})");
  CHECK(browser.status == 200);
  CHECK(f.node.subscriptions.at(0).accept_language == "ko-KR");
  CHECK(f.node.subscriptions.at(0).locale == "ko");
  CHECK(f.node.subscriptions.at(0).user == api_fixture::me_id);
  CHECK(f.node.subscriptions.at(1).endpoint == "https://push.example/2");
  CHECK(f.node.subscriptions.at(1).public_key == "P");
  CHECK(f.node.subscriptions.at(1).auth == "A");
  CHECK(f.node.subscriptions.at(1).old_endpoint == "o");
}

TEST_CASE("what is wrong with a subscription is told in the caller's words", "[api]") {
  api_fixture f;
  CHECK(f.call("POST", "/api/subscribe", "{}").fields() == names{"notificationEndPoint", "publicKey", "auth"});
  CHECK(f.call("POST", "/api/subscribe", R"({"endpoint":"e","keys":7})").fields() == names{"keys.p256dh", "keys.auth"});
  CHECK(f.call("POST", "/api/subscribe", R"({"endpoint":"e","keys":{"p256dh":1,"auth":"a"},"locale":1})").fields() ==
        names{"keys.p256dh", "locale"});
  error judged(error_code::invalid_input);
  judged.fields = {{"notificationEndPoint", "must be https"}, {"publicKey", "is not on the curve"}};
  f.node.subscribe_answer = judged;
  CHECK(f.call("POST", "/api/subscribe", R"({"endpoint":"e","keys":{"p256dh":"p","auth":"a"}})").fields() ==
        names{"endpoint", "keys.p256dh"});
  CHECK(f.call("POST", "/api/subscribe", R"({"notificationEndPoint":"e","publicKey":"p","auth":"a"})").fields() ==
        names{"notificationEndPoint", "publicKey"});
  f.node.subscribe_answer = error(error_code::unavailable);
  CHECK(f.call("POST", "/api/subscribe", R"({"notificationEndPoint":"e","publicKey":"p","auth":"a"})").status == 503);
}

TEST_CASE("a device is removed for its user alone", "[api]") {
  api_fixture f;
  f.node.remove_answer = protocol::device_removed{};
  const auto removed = f.call("DELETE", "/api/subscriptions/9007199254740991");
  CHECK(removed.status == 200);
  CHECK(removed.body == R"({"success":true,"response":true})");
  const auto& [request, context] = f.node.removals.at(0);
  CHECK(request.user == api_fixture::me_id);
  CHECK(request.device == 9007199254740991);
  CHECK(context.caller == api_fixture::me_id);
  CHECK(context.trace == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST_CASE("what is no device's number is refused without asking", "[api]") {
  api_fixture f;
  for (const std::string id : {"0", "-1", "abc", "07", "9007199254740992", "18446744073709551617", "1.0", "%31"}) {
    CAPTURE(id);
    const auto refused = f.call("DELETE", "/api/subscriptions/" + id);
    CHECK(refused.status == 400);
    CHECK(refused.fields() == names{"id"});
  }
  CHECK(f.call("DELETE", "/api/subscriptions/").status == 404);
  CHECK(f.call("GET", "/api/subscriptions/7").find("Allow") == "DELETE");
  CHECK(f.anonymous("DELETE", "/api/subscriptions/7").status == 401);
  CHECK(f.node.removals.empty());
}

TEST_CASE("a removal that failed says how", "[api]") {
  api_fixture f;
  const auto code = [&](error_code why) {
    f.node.remove_answer = error(why);
    return f.call("DELETE", "/api/subscriptions/7").code();
  };
  CHECK(code(error_code::subscription_not_found) == "subscription_not_found");
  CHECK(code(error_code::unavailable) == "unavailable");
  CHECK(code(error_code::outcome_unknown) == "outcome_unknown");
  error away(error_code::unavailable);
  away.retry_after_s = 5;
  f.node.remove_answer = away;
  const auto refused = f.call("DELETE", "/api/subscriptions/7");
  CHECK(refused.status == 503);
  CHECK(refused.find("Retry-After") == "5");
}

TEST_CASE("the public key for subscribing needs no token", "[api]") {
  api_fixture f;
  f.node.key_answer = protocol::push_key{"BKey", "k1"};
  CHECK(f.anonymous("GET", "/api/push/public-key").body ==
        R"({"success":true,"response":{"publicKey":"BKey","keyId":"k1"}})");
  f.node.key_answer = error(error_code::unavailable);
  CHECK(f.anonymous("GET", "/api/push/public-key").code() == "unavailable");
}
