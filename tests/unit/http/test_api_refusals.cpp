#include "http/api/routes.hpp"
#include "tests/unit/http/api_harness.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::testing;

namespace {

/// A path of the route, with ids that could exist.
std::string path_of(const route& r) {
  std::string path(r.path);
  const auto fill = [&](const std::string& name, social::id_t id) {
    if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), std::to_string(id));
  };
  fill("{userId}", api_fixture::other_id);
  fill("{targetId}", api_fixture::other_id);
  fill("{postId}", api_fixture::other_post);
  return path;
}

}  // namespace

TEST_CASE("an unknown path is 404, another method of a known one 405 with Allow", "[api]") {
  api_fixture f;
  for (const auto* path : {"/", "/api", "/api/", "/api/user", "/api/user/me/", "//api/user/me", "/api/user//post/list",
                           "/api/user/1/post/2/comment/3", "/API/user/me", "/a/b/c/d/e/f/g/h/i/j", ""})
    CHECK(f.get(path).code() == "route_not_found");
  CHECK(f.call("DELETE", "/api/user/me").find("Allow") == "GET, HEAD");
  CHECK(f.call("PATCH", "/api/user/5/post/list").find("Allow") == "GET, HEAD");
  CHECK(f.call("GET", "/api/user/connections/5").find("Allow") == "POST");
  for (const auto& each : routes()) {
    const auto r = f.call("TRACE", path_of(each));
    CHECK(r.status == 405);
    CHECK(r.code() == "method_not_allowed");
    CHECK(r.find("Allow").find(each.method) != std::string::npos);
  }
}

TEST_CASE("no token, another scheme, a void or an ended token: 401 before anything else", "[api]") {
  api_fixture f;
  f.declared_length = 1'000'000;
  for (const auto& each : routes()) {
    if (!each.needs_user) continue;
    const auto r = f.send(std::string(each.method), path_of(each), "", {{"Content-Type", "text/plain"}});
    CHECK(r.status == 401);
    CHECK(r.json()["error"]["message"] == "Authentication error (cause: unauthorized)");
    CHECK(r.find("WWW-Authenticate") == "Bearer");
  }
  f.declared_length.reset();
  const auto status = [&](const std::string& value) {
    return f.send("GET", "/api/user/me", "", {{"api_key", value}}).status;
  };
  f.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  CHECK(status("Bearer " + f.token()) == 200);
  CHECK(status("bEARER  " + f.token()) == 200);
  CHECK(status(f.token()) == 401);
  CHECK(status("Basic " + f.token()) == 401);
  CHECK(status("Bearer") == 401);
  CHECK(status("Bearer x.y.z") == 401);
  CHECK(status("Bearer " + f.token(api_fixture::generation + 1)) == 401);
  CHECK(status("Bearer " + f.token(api_fixture::generation, 24 * 3600)) == 401);
  CHECK(f.node.commands.empty());
}

TEST_CASE("a token that was good ends with its time and its generation, though cached", "[api]") {
  api_fixture f;
  f.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  const std::vector<header> key{f.bearer()};
  CHECK(f.send("GET", "/api/user/me", "", key).status == 200);
  f.auth.generations.set(api_fixture::me_id, api_fixture::generation + 1);
  CHECK(f.send("GET", "/api/user/me", "", key).status == 401);
  f.auth.generations.set(api_fixture::me_id, api_fixture::generation);  // cannot sink
  CHECK(f.send("GET", "/api/user/me", "", key).status == 401);
  api_fixture g;
  g.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  const std::vector<header> other{g.bearer()};
  CHECK(g.send("GET", "/api/user/me", "", other).status == 200);
  g.node.time += 24 * 3600 * 1000;
  CHECK(g.send("GET", "/api/user/me", "", other).status == 401);
}

TEST_CASE("an unknown generation is asked for once", "[api]") {
  scripted_backend node;
  auth::services auth(cheap_auth());
  api_fixture f;
  const auto someone = [&](std::uint64_t generation) {
    auth::claims who;
    who.user = 64 * 99;
    who.generation = generation;
    return std::vector<header>{{"Authorization", "Bearer " + f.auth.tokens.issue(who, f.node.time)}};
  };
  auto account = api_fixture::account(64 * 99);
  account.generation = 12;
  f.node.account = protocol::account_answer{account, "", {}};
  CHECK(f.send("GET", "/api/user/me", "", someone(11)).status == 401);
  CHECK(f.node.queries.size() == 1);
  CHECK(f.send("GET", "/api/user/me", "", someone(11)).status == 401);
  CHECK(f.node.queries.size() == 1);
  CHECK(f.send("GET", "/api/user/me", "", someone(12)).status == 200);
  CHECK(f.node.queries.size() == 2);
}

TEST_CASE("somebody who is gone is not authenticated; a store that cannot tell is another matter", "[api]") {
  api_fixture f;
  auth::claims who;
  who.user = 64 * 99;
  const std::vector<header> key{{"api_key", "Bearer " + f.auth.tokens.issue(who, f.node.time)}};
  f.node.query_answer = error(error_code::user_not_found);
  CHECK(f.send("GET", "/api/user/me", "", key).status == 401);
  f.node.query_answer = error(error_code::overloaded);
  CHECK(f.send("GET", "/api/user/me", "", key).status == 503);
}

TEST_CASE("inside the last tenth of its life a token is renewed", "[api]") {
  api_fixture f;
  f.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  const auto renewed = [&](std::int64_t age_s) {
    const auto key = header{"api_key", "Bearer " + f.token(api_fixture::generation, age_s)};
    return f.send("GET", "/api/user/me", "", {key}).find("api_key");
  };
  constexpr std::int64_t tenth_s = 24 * 3600 / 10;
  CHECK(renewed(9 * tenth_s - 1).empty());
  const auto fresh = renewed(9 * tenth_s);
  REQUIRE_FALSE(fresh.empty());
  const auto verified = f.auth.tokens.verify(fresh, f.node.time);
  REQUIRE(verified);
  CHECK(verified->generation == api_fixture::generation);
  CHECK(verified->expires_s == f.node.time / 1000 + 24 * 3600);
}

TEST_CASE("413 comes before 415, 415 before 400", "[api]") {
  api_fixture f;
  const auto post = [&](const std::string& type, const std::string& body) {
    return f.send("POST", "/api/post", body, {f.bearer(), {"Content-Type", type}}).status;
  };
  f.declared_length = 64 * 1024 + 1;
  CHECK(post("text/plain", "x") == 413);
  f.declared_length = 64 * 1024;
  CHECK(post("application/json", "x") == 400);
  f.declared_length.reset();
  for (const auto* type :
       {"text/plain", "", "application/json; charset=euc-kr", "application/jsonx", "application/x-www-form-urlencoded",
        "application/json; charset=utf-8; charset=utf-8", "application/json extra"})
    CHECK(post(type, "x") == 415);
  for (const auto* type :
       {"application/json", "Application/JSON;charset=\"utf-8\"", "application/json ; charset=UTF-8"})
    CHECK(post(type, "x") == 400);
  CHECK(
      f.send("POST", "/api/post", "x", {f.bearer(), {"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}})
          .status == 415);
}

TEST_CASE("400 comes before 403 and 404", "[api]") {
  api_fixture f;
  CHECK(f.call("POST", "/api/user/abc/post/abc/comment", R"({"contents":"abc"})").status == 400);
  CHECK(f.call("POST", "/api/user/abc/post/abc/comment", R"({"contents":"abcd"})").status == 403);
  CHECK(f.get("/api/user/abc/post/list?limit=0").status == 400);
  CHECK(f.get("/api/user/0/post/list").status == 403);
  CHECK(f.get("/api/user/9007199254740992/post/1").status == 403);
}

TEST_CASE("JSON that could mislead is refused", "[api]") {
  api_fixture f;
  for (const auto& body :
       {std::string(), std::string("null"), std::string("\"text\""), std::string("{\"contents\":\"a\\u0000bcd\"}"),
        std::string("{\"contents\":\"\xff\xfe\xfd\xfc\"}"), std::string(40, '['), std::string("{} x")})
    CHECK(f.call("POST", "/api/post", body).code() == "malformed_json");
}

TEST_CASE("rates count per person with a token and per address without one", "[api]") {
  auto o = cheap_auth();
  o.rate_user_per_minute = 2;
  o.rate_address_per_minute = 60;
  o.rate_join_address_per_minute = 1;
  api_fixture f(o);
  f.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  const auto first = f.get("/api/user/me");
  CHECK(first.find("X-RateLimit-Limit") == "2");
  CHECK(first.find("X-RateLimit-Remaining") == "1");
  CHECK(first.find("X-RateLimit-Reset") == "30");
  CHECK(f.get("/api/user/me").status == 200);
  const auto refused = f.get("/api/user/me");
  CHECK(refused.status == 429);
  CHECK(refused.find("Retry-After") == "30");
  CHECK(refused.find("X-RateLimit-Remaining") == "0");
  CHECK(f.anonymous("GET", "/api/_hcheck").find("X-RateLimit-Limit") == "60");
  CHECK(f.anonymous("POST", "/api/user/join", "{}").status == 400);
  CHECK(f.anonymous("POST", "/api/user/join", "{}").status == 429);
  f.node.time += 30'000;
  CHECK(f.get("/api/user/me").status == 200);
  CHECK(f.api.metrics().rate_limited == 2);
  api_fixture off;
  CHECK(off.anonymous("GET", "/api/_hcheck").find("X-RateLimit-Limit").empty());
}

TEST_CASE("answers are counted per route template and status", "[api]") {
  api_fixture f;
  f.anonymous("GET", "/api/_hcheck");
  f.anonymous("GET", "/nowhere");
  f.anonymous("GET", "/api/user/5/post/6");
  f.api.refuse(error_code::header_too_large, "r");
  std::vector<std::tuple<std::string, std::string, int, std::uint64_t>> seen;
  for (const auto& each : f.api.metrics().answers)
    seen.emplace_back(each.method, each.route, each.status, each.answers);
  const decltype(seen) wanted{{"GET", "/api/_hcheck", 200, 1},
                              {"GET", "/api/user/{userId}/post/{postId}", 401, 1},
                              {"", "(none)", 404, 1},
                              {"", "(none)", 431, 1}};
  CHECK(seen == wanted);
}
