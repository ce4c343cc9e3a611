// The public API over a scripted node: what the node is asked is written down, what it answers is chosen by the test.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "http/api/api_handler.hpp"
#include "http/auth/services.hpp"
#include "http/gateway/backend.hpp"
#include "tests/support/catch.hpp"

namespace social::http::testing {

struct asked_command {
  command_target target;
  domain::command_context context;
  domain::erased_ptr command;
};

class scripted_backend final : public backend {
 public:
  void command(io_index, command_target target, domain::command_context context, domain::erased_ptr command,
               completion<domain::erased_ptr> done) override {
    commands.push_back({target, std::move(context), std::move(command)});
    done(command_answer);
  }
  void query(io_index, protocol::query question, completion<protocol::answer> done) override {
    queries.push_back(question);
    // Who somebody is, is asked beside the question of the test.
    if (const auto* by_id = std::get_if<protocol::account_by_id>(&question); by_id != nullptr && account) {
      done(protocol::answer(*account));
    } else {
      done(query_answer);
    }
  }
  void opened(id_t post, std::uint64_t times) override { views.emplace_back(post, times); }
  void subscribe(io_index, protocol::subscribe_request request, domain::command_context,
                 completion<domain::subscription::device_view> done) override {
    subscriptions.push_back(std::move(request));
    done(subscribe_answer);
  }
  void remove_device(io_index, protocol::remove_device_request request, domain::command_context context,
                     completion<protocol::device_removed> done) override {
    removals.emplace_back(request, std::move(context));
    done(remove_answer);
  }
  void push_key(io_index, completion<protocol::push_key> done) override { done(key_answer); }
  shard_t shards() const override { return 64; }
  timestamp_t now() const override { return time; }

  /// The command of the last ask, as its aggregate's variant.
  template <class A>
  const typename A::command& last() const {
    return domain::unerase<typename A::command>(*commands.back().command);
  }

  timestamp_t time = 1'700'000'000'000;
  std::vector<asked_command> commands;
  std::vector<protocol::query> queries;
  std::vector<std::pair<id_t, std::uint64_t>> views;
  std::vector<protocol::subscribe_request> subscriptions;
  std::vector<std::pair<protocol::remove_device_request, domain::command_context>> removals;
  result<domain::erased_ptr> command_answer{error(error_code::internal)};
  result<protocol::answer> query_answer{error(error_code::internal)};
  std::optional<protocol::account_answer> account;
  result<domain::subscription::device_view> subscribe_answer{error(error_code::unavailable)};
  result<protocol::device_removed> remove_answer{error(error_code::unavailable)};
  result<protocol::push_key> key_answer{error(error_code::unavailable)};
};

struct reply {
  int status = 0;
  std::string body;
  std::vector<header> headers;

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body); }
  [[nodiscard]] nlohmann::json value() const { return json().at("response"); }
  [[nodiscard]] std::string code() const { return json().at("error").at("code"); }
  /// Names of the violated fields.
  [[nodiscard]] std::vector<std::string> fields() const {
    std::vector<std::string> names;
    const auto whole = json();
    for (const auto& each : whole.at("error").at("fields")) names.push_back(each.at("field"));
    return names;
  }
  [[nodiscard]] std::string find(const std::string& name) const {
    for (const auto& each : headers)
      if (each.name == name) return each.value;
    return "";
  }
};

inline auth::options cheap_auth() {
  auth::options o;
  o.token.secret = std::string(64, 's');
  o.fingerprint_key = std::string(32, 'f');
  o.password.memory_bytes = 8192;
  o.password.passes = 1;
  o.password.threads = 1;
  o.password.queue_max = 4;
  return o;
}

class api_fixture {
 public:
  explicit api_fixture(const auth::options& o = cheap_auth())
      : auth(o), api({.public_url = "https://s.example"}, node, auth) {
    auth.generations.set(me_id, generation);
  }

  static constexpr id_t me_id = 64 * 7 + 3;     // shard 3
  static constexpr id_t other_id = 64 * 9 + 5;  // shard 5
  static constexpr id_t other_post = 64 * 2 + 5;
  static constexpr std::uint64_t generation = 4711;

  std::string token(std::uint64_t of_generation = generation, std::int64_t age_s = 0) const {
    auth::claims who;
    who.user = me_id;
    who.name = "Harry";
    who.email = "harry@example.com";
    who.generation = of_generation;
    return auth.tokens.issue(who, node.time - age_s * 1000);
  }

  /// One request through both halves of the handler; the body is only handed over when the header was accepted.
  reply send(std::string method, std::string target, std::string body, std::vector<header> headers) {
    auto head = std::make_shared<request_head>();
    head->method = std::move(method);
    head->target = target;
    head->path = target.substr(0, target.find('?'));
    if (const auto mark = target.find('?'); mark != std::string::npos) head->query = target.substr(mark + 1);
    head->headers = std::move(headers);
    head->remote_address = address;
    head->request_id = "request-1";
    head->trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    head->content_length = declared_length.value_or(body.size());
    head->has_content_length = !body.empty() || declared_length;
    auto decided = api.decide(*head);
    if (auto* refused = std::get_if<response>(&decided)) return told(std::move(*refused));
    auto& plan = std::get<body_plan>(decided);
    last_bytes_max = plan.bytes_max;
    std::promise<response> answered;
    auto waiting = answered.get_future();
    api.handle(head, std::move(body), std::move(plan.state), [&](response r) { answered.set_value(std::move(r)); });
    REQUIRE(waiting.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    return told(waiting.get());
  }
  reply get(const std::string& target) { return send("GET", target, "", {bearer()}); }
  reply call(const std::string& method, const std::string& target, const std::string& body = "{}") {
    return send(method, target, body, {bearer(), {"Content-Type", "application/json"}});
  }
  reply anonymous(const std::string& method, const std::string& target, const std::string& body = "") {
    return send(method, target, body, {{"Content-Type", "application/json"}});
  }
  header bearer() const { return {"api_key", "Bearer " + token()}; }

  static domain::person person(id_t id) { return {id, "Sally", "sally@example.com", std::nullopt}; }
  static domain::user::account_view account(id_t id = me_id) {
    return {id, "Harry", "harry@example.com", std::nullopt, 3, 1'700'000'000'123, 1'600'000'000'000, generation};
  }
  static domain::post::post_view post(id_t id = other_post) {
    return {id, "hello world", {.likes = 1, .comments = 2, .views = 3}, true, person(other_id), 1'600'000'000'000, {}};
  }
  static domain::comment::comment_view comment(id_t id = 64 * 4 + 5) {
    return {id, "well said", person(me_id), 1'600'000'000'000, {}};
  }

  scripted_backend node;
  auth::services auth;
  api_handler api;
  std::string address = "203.0.113.9";
  std::optional<std::uint64_t> declared_length;
  std::size_t last_bytes_max = 0;

 private:
  static reply told(response r) { return {r.status, std::move(r.body), std::move(r.headers)}; }
};

}  // namespace social::http::testing
