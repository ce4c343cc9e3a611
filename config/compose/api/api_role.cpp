#include "config/compose/api/api_role.hpp"

#include <atomic>
#include <limits>

#include "actors/aggregates/region.hpp"
#include "actors/base/log.hpp"
#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "actors/queries/queries.hpp"
#include "config/compose/common/aggregate_limits.hpp"
#include "config/compose/common/http_metrics.hpp"
#include "config/compose/common/journal_keeping.hpp"
#include "http/api/api_handler.hpp"
#include "http/auth/services.hpp"
#include "http/server/envelope.hpp"

namespace social::compose {
namespace {

constexpr std::size_t generations_page = 10'000;

/// The listener is bound before the API is built, because links carry the port that was taken.
class late_handler final : public http::handler {
 public:
  void set(http::handler& target) { target_.store(&target, std::memory_order_release); }
  http::head_decision decide(const http::request_head& head) override {
    if (auto* target = target_.load(std::memory_order_acquire)) return target->decide(head);
    return refuse(error{error_code::unavailable, "The server is starting"}, head.request_id);
  }
  void handle(std::shared_ptr<const http::request_head> head, std::string body, std::shared_ptr<void> state,
              http::respond answer) override {
    target_.load(std::memory_order_acquire)
        ->handle(std::move(head), std::move(body), std::move(state), std::move(answer));
  }
  http::response refuse(const error& why, std::string_view request_id) override {
    if (auto* target = target_.load(std::memory_order_acquire)) return target->refuse(why, request_id);
    return http::failure(why, request_id);
  }

 private:
  std::atomic<http::handler*> target_{nullptr};
};

http::auth::options auth_options(const config::settings& s, std::string secret, std::string fingerprint_key) {
  http::auth::options o;
  o.token.secret = std::move(secret);
  o.fingerprint_key = std::move(fingerprint_key);
  o.token.lifetime_s = std::chrono::duration_cast<std::chrono::seconds>(s.auth.token_ttl).count();
  o.password.threads = s.limits.hash_threads;
  o.password.queue_max = s.limits.logins_in_flight;
  o.password.memory_bytes = s.auth.argon2_memory_bytes;
  o.password.passes = s.auth.argon2_passes;
  if (!s.limits.rates) return o;
  o.rate_user_per_minute = s.limits.rate_user_per_minute;
  o.rate_address_per_minute = s.limits.rate_address_per_minute;
  o.rate_join_address_per_minute = s.limits.rate_join_address_per_minute;
  if (s.limits.sign_in_failures > 0) {
    o.sign_in.emplace();
    o.sign_in->failures_free = static_cast<std::uint32_t>(s.limits.sign_in_failures);
  }
  return o;
}

http::server_options listener_options(const config::settings& s) {
  http::server_options o;
  o.address = s.http.address;
  o.port = s.http.port;
  o.threads = s.http.threads;
  for (const auto& range : s.http.trusted_proxies) o.trusted_proxies.push_back(range.text());
  o.header_bytes_max = s.limits.header_bytes;
  o.header_fields_max = s.limits.header_fields;
  o.target_bytes_max = s.limits.target_bytes;
  o.connections_max = s.limits.connections;
  o.connections_per_address_max = s.limits.connections_per_address;
  o.header_timeout_ms = s.limits.request_timeout.count();
  o.body_timeout_ms = s.limits.request_timeout.count();
  o.idle_timeout_ms = s.limits.idle_timeout.count();
  o.write_timeout_ms = s.limits.write_timeout.count();
  return o;
}

void collect_api(const http::api_metrics& m, inspect::metric_sink& sink) {
  for (const auto& row : m.answers)
    sink.counter("social_http_route_answers_total", "Answers by route", static_cast<double>(row.answers),
                 {{"method", std::string(row.method)},
                  {"route", std::string(row.route)},
                  {"status", std::to_string(row.status)}});
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    sink.counter(name, help, static_cast<double>(value));
  };
  count("social_http_sign_ins_total", "Successful sign-ins", m.logins);
  count("social_http_sign_in_failures_total", "Wrong e-mail or password", m.login_failures);
  count("social_http_sign_ins_delayed_total", "Sign-ins told to wait", m.logins_delayed);
  count("social_http_joins_total", "New members", m.joins);
  count("social_http_rate_limited_total", "Requests over a rate", m.rate_limited);
  sink.gauge("social_http_hashes_waiting_jobs", "Passwords waiting to be hashed",
             static_cast<double>(m.hashes_waiting));
}

}  // namespace

struct api_role::parts {
  explicit parts(host& on) : on(on) {}
  host& on;
  opened_store store;
  std::unique_ptr<aggregates::region> region;
  std::unique_ptr<http::auth::services> auth;
  std::unique_ptr<http::gateway> gateway;
  std::unique_ptr<http::api_handler> api;
  late_handler entrance;
  std::unique_ptr<http::server> server;
  std::string url;
  std::string public_url;
  std::unique_ptr<journal_keeping> journal;

  result<void> fill_generations();
};

/// Every user's token generation, so that no request needs a second ask.
result<void> api_role::parts::fill_generations() {
  const auto* rows = store.ports.rows;
  std::optional<domain::row_key> after;
  while (true) {
    auto page =
        rows->scan_table(domain::table::generation, after, std::numeric_limits<std::uint64_t>::max(), generations_page);
    if (page.what == ports::row_value::status::failed) return page.failure;
    for (const auto& row : page.rows) {
      const auto decoded = decode_record<domain::user::generation_row>(row.bytes);
      if (!decoded) return decoded.error();
      auth->generations.set(row.key.a, decoded->generation);
    }
    if (page.rows.size() < generations_page) return {};
    after = page.rows.back().key;
  }
}

api_role::api_role(std::unique_ptr<parts> parts) : parts_(std::move(parts)) {}
api_role::~api_role() = default;

result<std::unique_ptr<api_role>> api_role::open(host& on) {
  auto made = std::make_unique<parts>(on);
  auto secret = on.data().jwt_key(on.settings.auth.jwt_key_file);
  if (!secret) return secret.error();
  auto fingerprint_key = on.data().idempotency_key();
  if (!fingerprint_key) return fingerprint_key.error();
  auto store = on.open_store("api", on.data().api());
  if (!store) return store.error();
  made->store = std::move(*store);
  auto auth = auth_options(on.settings, std::move(*secret), std::move(*fingerprint_key));
  auth.password.shed = [&on] {
    on.node.context().dead_letters.add({on.clock.now(), "passwords_full", "http/passwords", "password"});
  };
  made->auth = std::make_unique<http::auth::services>(auth);
  if (auto filled = made->fill_generations(); !filled) return filled.error();

  aggregates::region_parts region;
  region.node = &on.node;
  region.store = made->store.ports;
  region.clock = &on.clock;
  region.kinds.add<domain::user_aggregate>().add<domain::post_aggregate>().add<domain::comment_aggregate>();
  region.limits = aggregate_limits_of(on.settings.limits);
  region.readers = on.settings.actor_threads;
  region.queries = [rows = region.store.rows, shards = region.store.log->shards()](const protocol::query& question,
                                                                                   ports::read_tier tier) {
    return queries::run(question, *rows, shards, tier);
  };
  made->region = std::make_unique<aggregates::region>(std::move(region));
  return std::unique_ptr<api_role>(new api_role(std::move(made)));
}

result<void> api_role::start(push_access push) {
  auto& p = *parts_;
  const auto& s = p.on.settings;
  p.server = std::make_unique<http::server>(listener_options(s), p.entrance);
  http::gateway_options limits;
  limits.ask_deadline_ms = s.limits.ask_deadline.count();
  // Whoever waits for the push role over Kafka is told by the requester what is known, not by the gateway before it.
  constexpr std::chrono::milliseconds margin{1'000};
  if (s.kafka.is_used())
    limits.push_deadline_ms = std::max(s.limits.ask_deadline, s.kafka.request_timeout + margin).count();
  limits.asks_max = s.limits.requests_in_flight;
  http::gateway_routes routes;
  routes.command = [region = p.region.get()](protocol::command_message m) { region->send(std::move(m)); };
  routes.query = [region = p.region.get()](protocol::query_message m) { region->ask(std::move(m)); };
  routes.subscribe = std::move(push.subscribe);
  routes.remove_device = std::move(push.remove_device);
  routes.push_key = std::move(push.push_key);
  p.gateway = std::make_unique<http::gateway>(
      p.on.node, limits, std::move(routes), p.region->shards(), s.http.threads,
      [server = p.server.get()](http::io_index io, std::function<void()> work) { server->post(io, std::move(work)); });

  const auto port = p.server->start();
  if (!port) return cannot_listen(port.error(), "http");
  p.url = url_of(s.http.address, *port);
  http::api_options options;
  p.public_url = config::public_url_for(s.http, *port);
  options.public_url = p.public_url;
  options.json_bytes_max = s.limits.json_body_bytes;
  options.form_bytes_max = s.limits.multipart_body_bytes;
  options.io_threads = s.http.threads;
  p.api = std::make_unique<http::api_handler>(options, *p.gateway, *p.auth);
  p.entrance.set(*p.api);
  p.on.inspector.add_metrics([&p](inspect::metric_sink& sink) {
    collect_server(*p.server, "api", sink);
    collect_api(p.api->metrics(), sink);
  });
  return {};
}

const std::string& api_role::url() const {
  return parts_->url;
}
const std::string& api_role::public_url() const {
  return parts_->public_url;
}
ports::store api_role::store() {
  return parts_->store.ports;
}

void api_role::keep_journal(std::vector<events::journal_holder> readers) {
  parts_->journal = std::make_unique<journal_keeping>(parts_->on, "api", parts_->store, std::move(readers));
}

bool api_role::stop(std::chrono::milliseconds deadline) {
  auto& p = *parts_;
  if (p.journal) p.journal->stop();
  const auto end = std::chrono::steady_clock::now() + deadline;
  const auto left = [&] {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()));
  };
  bool in_time = !p.server || p.server->drain(left() / 2);
  p.auth->passwords.stop();
  if (p.gateway) p.gateway->stop();
  in_time = p.region->stop(left()) && in_time;
  if (p.server) p.server->stop();
  return in_time;
}

void api_role::close_store() {
  parts_->store.store->close();
}

}  // namespace social::compose
