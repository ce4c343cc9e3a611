// POST /admin/backup: who may ask, what is taken, and how it is answered.
#include <nlohmann/json.hpp>

#include "http/admin/admin_handler.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::http;

namespace {

using outcome = admin::backup_answer::outcome;

/// Nothing of it is asked here.
struct nothing_inside final : protocol::inspection {
  std::vector<protocol::actor_info> actors(const protocol::actor_filter&) const override { return {}; }
  void actor(const std::string&, social::id_t, std::function<void(result<protocol::actor_detail>)> done) override {
    done(error(error_code::actor_not_active));
  }
  std::vector<protocol::readiness_check> readiness() const override { return {}; }
  std::string metrics() const override { return {}; }
  std::optional<std::string> report(const std::string&) const override { return std::nullopt; }
  void replay(const std::string&, std::function<void(result<void>)> done) override { done({}); }
};

struct fixture {
  response ask(const std::string& body, const std::string& method = "POST", const std::string& token = "secret") {
    auto head = std::make_shared<request_head>();
    head->method = method;
    head->path = "/admin/backup";
    head->headers = {{"Host", "localhost"}, {"Authorization", "Bearer " + token}};
    head->request_id = "req-1";
    auto decision = api.decide(*head);
    if (auto* refused = std::get_if<response>(&decision)) return *refused;
    CHECK(std::get<body_plan>(decision).bytes_max >= 16 * 1024);
    response got;
    api.handle(head, body, std::get<body_plan>(decision).state, [&](response answer) { got = std::move(answer); });
    return got;
  }
  nlohmann::json failed(const std::string& body, int status) {
    const auto got = ask(body);
    CHECK(got.status == status);
    return nlohmann::json::parse(got.body)["error"];
  }

  nothing_inside inside;
  std::vector<std::string> directories;
  admin::backup_answer answer{outcome::made, R"({"dir":"/b"})"};
  admin::admin_handler api{{.token = "secret"},
                           inside,
                           {.backup = [this](std::string directory, std::function<void(admin::backup_answer)> done) {
                             directories.push_back(std::move(directory));
                             done(answer);
                           }}};
};

}  // namespace

TEST_CASE("a backup is asked for with the token alone", "[admin]") {
  fixture f;
  const auto got = f.ask(R"({"dir":"/b"})");
  CHECK(got.status == 200);
  CHECK(got.body == R"({"success":true,"response":{"dir":"/b"}})");
  CHECK(f.directories == std::vector<std::string>{"/b"});
  CHECK(f.ask(R"({"dir":"/b"})", "POST", "wrong").status == 401);
  CHECK(f.ask(R"({"dir":"/b"})", "GET").status == 405);
  CHECK(f.directories.size() == 1);
}

TEST_CASE("a backup needs a directory", "[admin]") {
  fixture f;
  for (const auto* body : {"{}", "[]", "\"/b\"", R"({"dir":7})", R"({"dir":""})", R"({"dir":null})"}) {
    INFO(body);
    const auto error = f.failed(body, 400);
    CHECK(error["code"] == "invalid_input");
    CHECK(error["fields"][0]["field"] == "dir");
  }
  for (const auto* body : {"", "{", R"({"dir":"/a","dir":"/b"})", R"({"dir":"\u0000"})"}) {
    INFO(body);
    CHECK(f.failed(body, 400)["code"] == "malformed_json");
  }
  CHECK(f.directories.empty());
}

TEST_CASE("why a backup was not made is told", "[admin]") {
  fixture f;
  f.answer = {outcome::refused, "it is not empty"};
  auto error = f.failed(R"({"dir":"/b"})", 400);
  CHECK(error["code"] == "invalid_input");
  CHECK(error["fields"][0]["reason"] == "it is not empty");
  f.answer = {outcome::busy, "another is being made"};
  error = f.failed(R"({"dir":"/b"})", 409);
  CHECK(error["code"] == "conflict");
  CHECK(error["status"] == 409);
  CHECK(error["message"] == "another is being made");
  f.answer = {outcome::failed, "No space left on device"};
  error = f.failed(R"({"dir":"/b"})", 503);
  CHECK(error["code"] == "unavailable");
  CHECK(error["message"] == "No space left on device");
}

TEST_CASE("a listener without backups says so", "[admin]") {
  nothing_inside inside;
  admin::admin_handler api({.token = "secret"}, inside);
  auto head = std::make_shared<request_head>();
  head->method = "POST";
  head->path = "/admin/backup";
  head->headers = {{"Host", "localhost"}, {"Authorization", "Bearer secret"}};
  auto decision = api.decide(*head);
  response got;
  api.handle(head, R"({"dir":"/b"})", std::get<body_plan>(decision).state,
             [&](response answer) { got = std::move(answer); });
  CHECK(got.status == 404);
}
