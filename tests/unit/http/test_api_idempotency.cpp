// Idempotency-Key at the edge: whose key, the fingerprint of what is asked, and how a replay is told.
#include "actors/domain/comment/comment.hpp"
#include "tests/unit/http/api_harness.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::testing;

namespace {

const std::string join_json = R"({"name":"Harry","principal":"Harry@Example.com","credentials":"password1"})";

class keyed_fixture : public api_fixture {
 public:
  using api_fixture::api_fixture;
  reply keyed(const std::string& method, const std::string& target, const std::string& body = "",
              const std::string& key = "k-1") {
    return send(method, target, body, {bearer(), {"Content-Type", "application/json"}, {"Idempotency-Key", key}});
  }
  reply nobody(const std::string& target, const std::string& body) {
    return send("POST", target, body, {{"Content-Type", "application/json"}, {"Idempotency-Key", "k-1"}});
  }
  [[nodiscard]] const domain::idempotency_mark& mark(std::size_t number) const {
    return node.commands.at(number).context.idempotency;
  }
  /// Somebody with that password, as the store has him now.
  void member_with(const std::string& password) {
    std::promise<std::string> made;
    auto waiting = made.get_future();
    auth.passwords.hash(password, [&](result<std::string> hash) { made.set_value(*hash); });
    REQUIRE(waiting.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    auto now = account();
    now.generation = generation;
    node.query_answer = protocol::answer(protocol::account_answer{now, waiting.get(), {}});
  }
  /// What the node answers a join or a sign-in that was done before: without the generation, which is not stored.
  void answer_stored() {
    auto stored = account();
    stored.login_count = 1;
    stored.generation = 0;
    node.command_answer = domain::erase_replayed(domain::user::reply(stored));
  }
};

const std::string post_path = "/api/user/581/post/133";

}  // namespace

TEST_CASE("a key goes with its caller and the fingerprint of what is asked", "[api][idempotency]") {
  keyed_fixture f;
  f.node.command_answer = domain::erase(domain::post::reply(api_fixture::post()));
  f.keyed("POST", "/api/post", R"({"contents":"hello"})");
  CHECK(f.mark(0).key == "k-1");
  CHECK(f.mark(0).scope.empty());
  CHECK(f.mark(0).fingerprint.size() == 32);
  f.keyed("POST", "/api/post", R"({ "contents" : "hello", "unknown": 1 })");  // asks for the same
  f.keyed("POST", "/api/post", R"({"contents":"hello2"})");
  f.keyed("PATCH", post_path + "/like");
  f.keyed("PATCH", "/api/user/581/post/197/like");
  CHECK(f.mark(1).fingerprint == f.mark(0).fingerprint);
  std::vector<std::string> all;
  for (std::size_t i = 1; i < f.node.commands.size(); ++i) all.push_back(f.mark(i).fingerprint);
  std::sort(all.begin(), all.end());
  CHECK(all.size() == 4);
  CHECK(std::unique(all.begin(), all.end()) == all.end());
  f.call("POST", "/api/post", R"({"contents":"hello"})");
  CHECK_FALSE(f.node.commands.back().context.idempotency.given());
}

TEST_CASE("fingerprints are made with the secret, and parts are told apart", "[api][idempotency]") {
  const auth::fingerprinter one(std::string(32, 'a'));
  const auth::fingerprinter other(std::string(32, 'b'));
  CHECK(one.of({"a", "b"}) == one.of({"a", "b"}));
  CHECK(one.of({"a", "b"}) != other.of({"a", "b"}));
  CHECK(one.of({"ab", "c"}) != one.of({"a", "bc"}));
  CHECK(one.of({}) != one.of({""}));
}

TEST_CASE("a replay is told in a header, and its refusal is 409", "[api][idempotency]") {
  keyed_fixture f;
  f.node.command_answer = domain::erase_replayed(domain::post::reply(api_fixture::post()));
  const auto again = f.keyed("POST", "/api/post", R"({"contents":"hello"})");
  CHECK(again.status == 200);
  CHECK(again.find("Idempotency-Replayed") == "true");
  f.node.command_answer = domain::erase(domain::post::reply(api_fixture::post()));
  CHECK(f.keyed("POST", "/api/post", R"({"contents":"hello"})").find("Idempotency-Replayed").empty());
  f.node.command_answer = error(error_code::idempotency_key_reused);
  const auto reused = f.keyed("POST", "/api/post", R"({"contents":"hello"})");
  CHECK(reused.status == 409);
  CHECK(reused.code() == "idempotency_key_reused");
}

TEST_CASE("comments, connections and devices carry the key", "[api][idempotency]") {
  keyed_fixture f;
  f.node.command_answer = domain::erase_replayed(domain::comment::reply(api_fixture::comment()));
  CHECK(f.keyed("POST", post_path + "/comment", R"({"contents":"well said"})").find("Idempotency-Replayed") == "true");
  f.node.account = protocol::account_answer{api_fixture::account(), "", api_fixture::person(api_fixture::me_id)};
  f.node.command_answer = domain::erase_replayed(domain::user::reply(domain::user::connection_view{}));
  CHECK(f.keyed("POST", "/api/user/connections/581").find("Idempotency-Replayed") == "true");
  CHECK(f.keyed("PATCH", "/api/user/connections/grant/581").find("Idempotency-Replayed") == "true");
  for (std::size_t i = 0; i < f.node.commands.size(); ++i) CHECK(f.mark(i).given());
  domain::subscription::device_view device{7, api_fixture::me_id, "https://p/", "ko", 1};
  device.replayed = true;
  f.node.subscribe_answer = device;
  CHECK(f.keyed("POST", "/api/subscribe", R"({"notificationEndPoint":"e","publicKey":"p","auth":"a"})")
            .find("Idempotency-Replayed") == "true");
  f.node.remove_answer = protocol::device_removed{true};
  CHECK(f.keyed("DELETE", "/api/subscriptions/7").find("Idempotency-Replayed") == "true");
  CHECK(f.node.removals.at(0).second.idempotency.given());
}

TEST_CASE("a join's key belongs to the e-mail; the password is not in the fingerprint", "[api][idempotency]") {
  keyed_fixture f;
  f.node.command_answer = error(error_code::email_taken);
  f.nobody("/api/user/join", join_json);
  f.nobody("/api/user/join", R"({"name":"Harry","principal":"harry@example.com","credentials":"password2"})");
  f.nobody("/api/user/join", R"({"name":"Sally","principal":"harry@example.com","credentials":"password1"})");
  CHECK(f.mark(0).scope == "harry@example.com");
  CHECK(f.mark(0).fingerprint == f.mark(1).fingerprint);
  CHECK(f.mark(0).fingerprint != f.mark(2).fingerprint);
}

TEST_CASE("a replayed join gives a token only to who knows the password", "[api][idempotency]") {
  keyed_fixture f;
  f.answer_stored();
  f.member_with("password1");
  const auto again = f.nobody("/api/user/join", join_json);
  REQUIRE(again.status == 200);
  CHECK(again.find("Idempotency-Replayed") == "true");
  CHECK(again.value().at("user").at("loginCount") == 1);
  const auto token = again.value().at("apiToken").get<std::string>();
  CHECK(f.auth.tokens.verify(token, f.node.time)->generation == api_fixture::generation);
  CHECK(f.api.metrics().joins == 0);

  f.member_with("another");
  const auto wrong = f.nobody("/api/user/join", join_json);
  CHECK(wrong.status == 401);
  CHECK(wrong.code() == "bad_credential");
  CHECK(wrong.find("Idempotency-Replayed").empty());
  f.node.query_answer = error(error_code::user_not_found);  // he has left since
  CHECK(f.nobody("/api/user/join", join_json).status == 401);
}

TEST_CASE("passwords cannot be tried out by repeating a join", "[api][idempotency]") {
  auto guarded = cheap_auth();
  guarded.sign_in = auth::sign_in_options{.failures_free = 2, .delay_first_s = 1, .delay_max_s = 4};
  keyed_fixture f(guarded);
  f.answer_stored();
  f.member_with("another");
  CHECK(f.nobody("/api/user/join", join_json).status == 401);
  CHECK(f.nobody("/api/user/join", join_json).status == 401);
  CHECK(f.nobody("/api/user/join", join_json).status == 429);
}

TEST_CASE("a replayed sign-in verifies, is not counted and brings a token of now", "[api][idempotency]") {
  keyed_fixture f;
  f.answer_stored();
  f.member_with("password1");
  const std::string body = R"({"principal":"Harry@example.com","credentials":"password1"})";
  const auto again = f.nobody("/api/auth", body);
  REQUIRE(again.status == 200);
  CHECK(f.mark(0).scope == "harry@example.com");
  CHECK(again.find("Idempotency-Replayed") == "true");
  CHECK(f.auth.tokens.verify(again.value().at("apiToken").get<std::string>(), f.node.time)->generation ==
        api_fixture::generation);
  CHECK(f.api.metrics().logins == 0);
  f.member_with("another");
  CHECK(f.nobody("/api/auth", body).status == 401);
  CHECK(f.node.commands.size() == 1);
}
