#include "http/api/api_handler.hpp"

#include <algorithm>

#include "http/api/call.hpp"
#include "http/api/json_fields.hpp"
#include "http/api/media_type.hpp"
#include "http/api/routes.hpp"
#include "http/server/envelope.hpp"

namespace social::http {
namespace {

std::string_view token_of(const request_head& head) {
  const auto own = head.find("api_key");
  return auth::bearer_token(own.empty() ? head.find("Authorization") : own);
}

/// Who calls, if the token is ours and its generation is not known to be void. The generation of somebody this node has
/// not heard of is asked for in `handle`.
std::shared_ptr<const auth::claims> identify(api_core& core, const request_head& head, timestamp_t now) {
  auto who = core.auth.identify(token_of(head), now);
  if (!who) return nullptr;
  const auto generation = core.auth.generations.find(who->user);
  return generation && *generation != who->generation ? nullptr : who;
}

/// With a token the person counts, without one the address. Empty when that rate is switched off.
std::optional<auth::rate_decision> take_rate(api_core& core, const call& c, const request_head& head, timestamp_t now) {
  auto& parts = core.auth;
  if (c.caller) {
    if (!parts.user_rate) return std::nullopt;
    return parts.user_rate->take(parts.user_rate->key_of_user(c.caller->user), now);
  }
  std::optional<auth::rate_decision> told;
  if (parts.address_rate) told = parts.address_rate->take(parts.address_rate->key_of_address(head.remote_address), now);
  if (parts.join_rate && c.matched.body == body_kind::json_or_form && (!told || told->allowed)) {
    const auto joins = parts.join_rate->take(parts.join_rate->key_of_address(head.remote_address), now);
    if (!told || !joins.allowed || joins.remaining < told->remaining) told = joins;
  }
  return told;
}

bool acceptable(const call& c, const request_head& head) {
  if (c.matched.body == body_kind::none) return true;
  const auto encoding = head.find("Content-Encoding");
  if (!encoding.empty() && encoding != "identity") return false;
  return c.media.kind == media::json || (c.media.kind == media::form && c.matched.body == body_kind::json_or_form);
}

std::size_t body_bytes_max(const call& c) {
  const auto& options = c.core.options;
  return c.media.kind == media::form && c.matched.body == body_kind::json_or_form ? options.form_bytes_max
                                                                                  : options.json_bytes_max;
}

std::optional<error> refusal_of_head(call& c, const request_head& head, std::size_t bytes_max) {
  if (c.matched.needs_user && !c.caller) return error_code::unauthorized;
  if (head.has_content_length && head.content_length > bytes_max) {
    return error{error_code::body_too_large, "The body is larger than " + std::to_string(bytes_max) + " bytes"};
  }
  if (!acceptable(c, head)) return error_code::unsupported_media_type;
  if (c.rate && !c.rate->allowed) {
    c.core.counters.rate_limited.fetch_add(1, std::memory_order_relaxed);
    error e(error_code::rate_limited);
    e.retry_after_s = static_cast<int>(c.rate->retry_s);
    return e;
  }
  return std::nullopt;
}

/// 1-200 printable characters, on calls that change something.
bool idempotency_key_is_sane(const request_head& head) {
  constexpr std::size_t key_bytes_max = 200;
  if (head.count("Idempotency-Key") == 0) return true;
  const auto key = head.find("Idempotency-Key");
  return head.count("Idempotency-Key") == 1 && !key.empty() && key.size() <= key_bytes_max &&
         std::all_of(key.begin(), key.end(), [](char ch) { return ch >= 0x21 && ch <= 0x7e; });
}

void act(const call_ptr& c, std::string body) {
  if (c->matched.method != "GET" && !idempotency_key_is_sane(*c->head))
    return c->fail(invalid_field("Idempotency-Key", "must be 1 to 200 printable ASCII characters without spaces"));
  c->matched.act(c, std::move(body));
}

/// This node has not heard of the caller's generation: asks the store once and remembers.
void learn_generation(const call_ptr& c, std::string body) {
  c->core.node.query(c->io(), protocol::account_by_id{c->user()},
                     [c, body = std::move(body)](result<protocol::answer> found) mutable {
                       if (!found) return c->fail_as_caller(found.error());
                       auto& known = c->core.auth.generations;
                       const auto& account = std::get<protocol::account_answer>(*found).account;
                       known.set(account.seq, account.generation);
                       if (known.find(account.seq).value_or(account.generation) != c->caller->generation)
                         return c->fail(error_code::unauthorized);
                       act(c, std::move(body));
                     });
}

}  // namespace

api_handler::api_handler(api_options options, backend& node, auth::services& auth)
    : core_(std::make_unique<api_core>(std::move(options), node, auth)) {}
api_handler::~api_handler() = default;

head_decision api_handler::decide(const request_head& head) {
  const auto match = find_route(head.method, head.path);
  if (match.found == nullptr) {
    auto refused = match.allowed.empty() ? failure(error_code::route_not_found, head.request_id)
                                         : method_not_allowed(match.allowed, head.request_id);
    core_->counters.answered(head.io, routes().size(), refused.status);
    return refused;
  }
  auto c = std::make_shared<call>(*core_, *match.found);
  for (std::size_t i = 0; i < c->ids.size(); ++i) c->ids[i] = parse_id(match.parameters[i]);
  const auto now = core_->node.now();
  if (c->matched.needs_user) c->caller = identify(*core_, head, now);
  c->rate = take_rate(*core_, *c, head, now);
  if (c->matched.body != body_kind::none) c->media = parse_content_type(head.find("Content-Type"));
  const auto bytes_max = body_bytes_max(*c);
  if (const auto refused = refusal_of_head(*c, head, bytes_max))
    return c->finished(failure(*refused, head.request_id), head);
  return body_plan{bytes_max, std::move(c)};
}

void api_handler::handle(std::shared_ptr<const request_head> head, std::string body, std::shared_ptr<void> state,
                         respond answer) {
  auto c = std::static_pointer_cast<call>(std::move(state));
  c->head = std::move(head);
  c->answer = std::move(answer);
  if (c->caller && !core_->auth.generations.find(c->user())) return learn_generation(c, std::move(body));
  act(c, std::move(body));
}

response api_handler::refuse(const error& why, std::string_view request_id) {
  auto refused = failure(why, request_id);
  core_->counters.answered(0, routes().size(), refused.status);
  return refused;
}

api_metrics api_handler::metrics() const {
  auto all = core_->counters.read();
  all.hashes_waiting = core_->auth.passwords.waiting();
  return all;
}

}  // namespace social::http
