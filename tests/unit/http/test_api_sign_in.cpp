#include "tests/unit/http/api_harness.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::testing;

namespace {

auth::options guarded() {
  auto o = cheap_auth();
  o.sign_in = auth::sign_in_options{.failures_free = 2, .delay_first_s = 1, .delay_max_s = 4};
  return o;
}

/// The account of somebody with that password, as the store would have it.
protocol::answer account_with(api_fixture& f, const std::string& password) {
  std::promise<std::string> made;
  auto waiting = made.get_future();
  f.auth.passwords.hash(password, [&](result<std::string> hash) { made.set_value(*hash); });
  REQUIRE(waiting.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  return protocol::account_answer{api_fixture::account(), waiting.get(), {}};
}

reply sign_in(api_fixture& f, const std::string& password) {
  return f.anonymous("POST", "/api/auth", R"({"principal":"harry@example.com","credentials":")" + password + "\"}");
}

}  // namespace

TEST_CASE("signing in records it and answers the new values", "[api][auth]") {
  api_fixture f;
  f.node.query_answer = account_with(f, "password1");
  auto after = api_fixture::account();
  after.login_count = 4;
  f.node.command_answer = domain::erase(domain::user::reply(after));
  const auto r = sign_in(f, "password1");
  REQUIRE(r.status == 200);
  CHECK(r.value().at("user").at("loginCount") == 4);
  CHECK(f.node.commands.at(0).target.id == api_fixture::me_id);
  CHECK(f.node.commands.at(0).context.caller == api_fixture::me_id);
  const auto& sent = std::get<domain::user::record_sign_in>(f.node.last<domain::user_aggregate>());
  CHECK(sent.verified_hash == std::get<protocol::account_answer>(*f.node.query_answer).password_hash);
  CHECK(f.api.metrics().logins == 1);
}

TEST_CASE("wrong e-mail and wrong password are told alike", "[api][auth]") {
  api_fixture f;
  f.node.query_answer = account_with(f, "password1");
  const auto wrong_password = sign_in(f, "password2");
  f.node.query_answer = error(error_code::user_not_found);
  const auto wrong_email = sign_in(f, "password1");
  CHECK(wrong_password.status == 401);
  CHECK(wrong_password.json()["error"]["message"] == "Authentication error (cause: Bad credential)");
  CHECK(wrong_password.body == wrong_email.body);
  CHECK(f.anonymous("POST", "/api/auth", R"({"principal":"x","credentials":"y"})").body == wrong_email.body);
  CHECK(f.node.commands.empty());
  CHECK(f.api.metrics().login_failures == 3);
}

TEST_CASE("a password that changed meanwhile is wrong", "[api][auth]") {
  api_fixture f;
  f.node.query_answer = account_with(f, "password1");
  f.node.command_answer = error(error_code::bad_credential);
  CHECK(sign_in(f, "password1").code() == "bad_credential");
}

TEST_CASE("signing in names missing and wrongly typed fields", "[api][auth]") {
  api_fixture f;
  CHECK(f.anonymous("POST", "/api/auth", R"({"principal":null})").fields() ==
        std::vector<std::string>{"principal", "credentials"});
  CHECK(f.anonymous("POST", "/api/auth", "[]").code() == "malformed_json");
  CHECK(f.anonymous("POST", "/api/auth", "{").code() == "malformed_json");
  CHECK(f.anonymous("POST", "/api/auth", R"({"principal":"a","principal":"b","credentials":"c"})").status == 400);
}

TEST_CASE("failures slow down their own address and account only", "[api][auth]") {
  api_fixture f(guarded());
  f.node.query_answer = account_with(f, "password1");
  f.node.command_answer = domain::erase(domain::user::reply(api_fixture::account()));
  CHECK(sign_in(f, "wrong 1").status == 401);
  CHECK(sign_in(f, "wrong 2").status == 401);
  const auto delayed = sign_in(f, "password1");
  CHECK(delayed.status == 429);
  CHECK(delayed.find("Retry-After") == "1");
  f.address = "198.51.100.7";
  CHECK(sign_in(f, "password1").status == 200);
  f.address = "203.0.113.9";
  f.node.time += 1000;
  CHECK(sign_in(f, "wrong 3").status == 401);
  CHECK(sign_in(f, "password1").find("Retry-After") == "2");
  f.node.time += 2000;
  CHECK(sign_in(f, "password1").status == 200);
  CHECK(sign_in(f, "wrong 1").status == 401);
  CHECK(f.api.metrics().logins_delayed == 2);
}

TEST_CASE("what was not tried does not count as a failure", "[api][auth]") {
  api_fixture f(guarded());
  f.node.query_answer = error(error_code::overloaded);
  for (int i = 0; i < 5; ++i) CHECK(sign_in(f, "password1").status == 503);
}
