#include <map>

#include <nlohmann/json.hpp>

#include "http/admin/admin_handler.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::http;

namespace {

struct scripted_inside final : protocol::inspection {
  std::vector<protocol::actor_info> actors(const protocol::actor_filter& filter) const override {
    asked = filter;
    return {some};
  }
  void actor(const std::string& kind, social::id_t id,
             std::function<void(result<protocol::actor_detail>)> done) override {
    if (kind != some.kind || id != some.id) return done(error(error_code::actor_not_active));
    done(protocol::actor_detail{some, state});
  }
  std::vector<protocol::readiness_check> readiness() const override { return checks; }
  std::string metrics() const override { return "social_up 1\n"; }
  std::optional<std::string> report(const std::string& name) const override {
    if (name == "push") return "{\"lanes\":[]}";
    if (name == "kafka") return "{\"connected\":true}";
    return std::nullopt;
  }
  void replay(const std::string& id, std::function<void(result<void>)> done) override {
    replayed.push_back(id);
    if (later) return later->push_back(std::move(done));
    done(replay_outcome);
  }
  result<void> replay_outcome;
  std::vector<std::string> replayed;
  std::optional<std::vector<std::function<void(result<void>)>>> later;
  protocol::actor_info some{"user", 129, 1, 2, 3, 4, 5, 6, 7, "rename", 8, 9};
  std::string state = "{\"name\":\"x\"}";
  std::vector<protocol::readiness_check> checks{{"store", true, false, ""}};
  mutable protocol::actor_filter asked;
};

struct fixture {
  explicit fixture(admin::admin_options options = {.token = "secret"}) : api(std::move(options), inside) {}

  response ask(const std::string& method, const std::string& path, const std::string& query = {}) {
    auto head = std::make_shared<request_head>();
    head->method = method;
    head->path = path;
    head->query = query;
    head->request_id = "req-1";
    head->headers.push_back({"Host", host});
    if (!authorization.empty()) head->headers.push_back({"authorization", authorization});
    auto decision = api.decide(*head);
    if (auto* refused = std::get_if<response>(&decision)) return *refused;
    response got;
    bool answered = false;
    api.handle(head, {}, std::get<body_plan>(decision).state, [&](response answer) {
      got = std::move(answer);
      answered = true;
    });
    REQUIRE(answered);
    return got;
  }
  nlohmann::json json(const std::string& path, const std::string& query = {}) {
    return nlohmann::json::parse(ask("GET", path, query).body);
  }
  std::string host = "localhost:9090";
  std::string authorization = "Bearer secret";
  scripted_inside inside;
  admin::admin_handler api;
};

std::string header_of(const response& answer, const std::string& name) {
  for (const auto& field : answer.headers)
    if (field.name == name) return field.value;
  return {};
}

}  // namespace

TEST_CASE("admin: one actor has exactly the promised fields") {
  fixture f;
  CHECK(f.ask("GET", "/admin/actors/user/129").body ==
        R"({"success":true,"response":{"kind":"user","id":129,"shard":1,"mailboxDepth":2,"messagesHandled":3,)"
        R"("failures":4,"busyMicros":5,"p50Micros":6,"p99Micros":7,"lastMessage":"rename","idleMillis":8,)"
        R"("state":{"name":"x"}}})");
  f.inside.state.clear();
  const auto silent = f.json("/admin/actors/user/129")["response"];
  CHECK(silent["unresponsive"] == true);
  CHECK(!silent.contains("state"));
}

TEST_CASE("admin: an actor that is not there") {
  fixture f;
  CHECK(f.json("/admin/actors/user/130")["error"]["code"] == "actor_not_active");
  CHECK(f.ask("GET", "/admin/actors/shard/0").status == 404);
  for (const char* id : {"x", "-1", "01", "1.0", "9007199254740992", " 1"}) {
    const auto refused = f.json(std::string("/admin/actors/user/") + id)["error"];
    CHECK(refused["status"] == 400);
    CHECK(refused["fields"][0]["field"] == "id");
  }
}

TEST_CASE("admin: the list takes its filter from the query") {
  fixture f;
  const auto shown = f.json("/admin/actors", "kind=user&shard=63&sort=busy&limit=5")["response"];
  REQUIRE(shown.size() == 1);
  CHECK(!shown[0].contains("state"));
  CHECK(f.inside.asked.kind == "user");
  CHECK(f.inside.asked.shard == shard_t{63});
  CHECK(f.inside.asked.order == protocol::actor_order::busy);
  CHECK(f.inside.asked.limit == 5);
  CHECK(f.ask("GET", "/admin/actors").status == 200);
  CHECK(f.inside.asked.limit == 1000);
  CHECK(!f.inside.asked.shard);
  const auto refused = f.json("/admin/actors", "shard=65536&sort=name&limit=0")["error"];
  CHECK(refused["status"] == 400);
  CHECK(refused["fields"].size() == 3);
}

TEST_CASE("admin: paths, methods and reports") {
  fixture f;
  for (const char* path : {"/", "/admin", "/admin/", "/admin/nothing", "/admin/actors/user", "/admin/actors/user/",
                           "/admin/actors//1", "/admin/actors/user/1/x", "/api/user/me"})
    CHECK(f.ask("GET", path).status == 404);
  const auto refused = f.ask("POST", "/admin/actors");
  CHECK(refused.status == 405);
  CHECK(header_of(refused, "Allow") == "GET, HEAD");
  CHECK(f.ask("GET", "/admin/push").body == R"({"success":true,"response":{"lanes":[]}})");
  CHECK(f.ask("GET", "/admin/kafka").body == R"({"success":true,"response":{"connected":true}})");
  CHECK(f.ask("GET", "/admin/dead-letters").status == 404);
}

TEST_CASE("admin: a dead letter is replayed where changes are allowed") {
  fixture f({.token = "secret", .write = true});
  CHECK(f.ask("POST", "/admin/dead-letters/v1.event.user-joined-dlt:0:17/replay").body ==
        R"({"success":true,"response":{"id":"v1.event.user-joined-dlt:0:17","replayed":true}})");
  CHECK(f.inside.replayed == std::vector<std::string>{"v1.event.user-joined-dlt:0:17"});
  f.inside.replay_outcome = error_code::not_found;
  const auto unknown = f.ask("POST", "/admin/dead-letters/1795449600000-abc/replay");
  CHECK(unknown.status == 404);
  CHECK(nlohmann::json::parse(unknown.body)["error"]["code"] == "not_found");
  f.inside.replay_outcome = error(error_code::unavailable);
  CHECK(f.ask("POST", "/admin/dead-letters/a:0:1/replay").status == 503);
  f.inside.later.emplace();
  auto head = std::make_shared<request_head>();
  std::optional<response> got;
  head->method = "POST";
  head->path = "/admin/dead-letters/a:0:1/replay";
  head->headers = {{"Host", f.host}, {"Authorization", f.authorization}};
  auto decision = f.api.decide(*head);
  REQUIRE(std::holds_alternative<body_plan>(decision));
  CHECK(std::get<body_plan>(decision).bytes_max == 1024);
  f.api.handle(head, "{}", std::get<body_plan>(decision).state, [&](response answer) { got = std::move(answer); });
  CHECK(!got);  // the I/O thread does not wait
  f.inside.later->front()({});
  REQUIRE(got);
  CHECK(got->status == 200);
}

TEST_CASE("admin: a replay is refused where changes are not allowed, and to strangers") {
  fixture f;
  const auto refused = f.ask("POST", "/admin/dead-letters/a:0:1/replay");
  CHECK(refused.status == 403);
  CHECK(nlohmann::json::parse(refused.body)["error"]["message"].get<std::string>().find("--admin.write") !=
        std::string::npos);
  f.authorization = "Bearer wrong";
  CHECK(f.ask("POST", "/admin/dead-letters/a:0:1/replay").status == 401);
  fixture open({.token = "secret", .write = true});
  open.authorization.clear();
  CHECK(open.ask("POST", "/admin/dead-letters/a:0:1/replay").status == 401);
  open.authorization = "Bearer secret";
  const auto other = open.ask("GET", "/admin/dead-letters/a:0:1/replay");
  CHECK(other.status == 405);
  CHECK(header_of(other, "Allow") == "POST");
  CHECK(open.ask("DELETE", "/admin/dead-letters/a:0:1/replay").status == 405);
  CHECK(open.ask("POST", "/admin/dead-letters").status == 405);
  for (const char* path : {"/admin/dead-letters/", "/admin/dead-letters//replay", "/admin/dead-letters/replay",
                           "/admin/dead-letters/a:0:1", "/admin/dead-letters/a/b/replay"})
    CHECK(open.ask("POST", path).status == 404);
  CHECK(open.inside.replayed.empty());
  CHECK(f.inside.replayed.empty());
}

TEST_CASE("admin: the token guards /admin, and /metrics when wanted") {
  fixture f;
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer secre", "Bearer secretx", "Basic secret", "secret"}) {
    f.authorization = wrong;
    const auto refused = f.ask("GET", "/admin/actors");
    CHECK(refused.status == 401);
    CHECK(header_of(refused, "WWW-Authenticate") == "Bearer");
    CHECK(f.ask("GET", "/livez").status == 200);
    CHECK(f.ask("GET", "/readyz").status == 200);
    CHECK(f.ask("GET", "/metrics").body == "social_up 1\n");
    // What is not there stays not there: the route is decided first.
    CHECK(f.ask("GET", "/admin/nothing").status == 404);
  }
  f.authorization = "bEARER secret";
  CHECK(f.ask("GET", "/admin/actors").status == 200);

  fixture guarded({.token = "secret", .metrics_auth = true});
  CHECK(guarded.ask("GET", "/metrics").status == 200);
  guarded.authorization.clear();
  CHECK(guarded.ask("GET", "/metrics").status == 401);

  fixture locked(admin::admin_options{});
  locked.authorization = "Bearer ";
  CHECK(locked.ask("GET", "/admin/actors").status == 401);
}

TEST_CASE("admin: only its own names are a Host") {
  fixture f({.address = "192.0.2.7", .host_names = {"admin.example"}, .token = "secret"});
  const auto status = [](fixture& of, const char* host) {
    of.host = host;
    return of.ask("GET", "/readyz").status;
  };
  for (const char* own : {"localhost", "LOCALHOST:1", "127.0.0.1:9090", "[::1]", "[::1]:9090", "192.0.2.7:80",
                          "admin.example", "Admin.Example:9090"})
    CHECK(status(f, own) == 200);
  for (const char* foreign :
       {"", "evil.example", "localhost.evil.example", "192.0.2.8", "[::2]:9090", "127.0.0.1.evil"})
    CHECK(status(f, foreign) == 403);
  fixture everywhere({.address = "0.0.0.0", .token = "secret"});
  CHECK(status(everywhere, "198.51.100.4:9090") == 200);
  CHECK(status(everywhere, "evil.example") == 403);
}

TEST_CASE("admin: readiness tells why") {
  fixture f;
  CHECK(f.ask("GET", "/readyz").body == R"({"status":"ready","checks":[{"name":"store","ok":true,"degraded":false}]})");
  f.inside.checks.push_back({"push", true, true, "no subject"});
  CHECK(f.ask("GET", "/readyz").status == 200);
  f.inside.checks.push_back({"journal", false, false, "disk full"});
  const auto down = f.ask("GET", "/readyz");
  CHECK(down.status == 503);
  CHECK(nlohmann::json::parse(down.body)["checks"][2]["reason"] == "disk full");
}
