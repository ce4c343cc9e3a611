#include "http/api/call.hpp"

#include "actors/base/text.hpp"
#include "http/server/envelope.hpp"

namespace social::http {
namespace {

void add_rate_headers(response& r, const auth::rate_decision& rate) {
  r.headers.push_back({"X-RateLimit-Limit", std::to_string(rate.limit)});
  r.headers.push_back({"X-RateLimit-Remaining", std::to_string(rate.remaining)});
  r.headers.push_back({"X-RateLimit-Reset", std::to_string(rate.reset_s)});
}

}  // namespace

response call::finished(response r, const request_head& to) {
  if (rate) add_rate_headers(r, *rate);
  if (replayed && r.status == 200) r.headers.push_back({"Idempotency-Replayed", "true"});
  if (r.status == 401) r.headers.push_back({"WWW-Authenticate", "Bearer"});  // RFC 9110 section 11.6.1
  if (caller && r.status != 401) {
    const auto now = core.node.now();
    if (core.auth.tokens.due_for_renewal(*caller, now))
      r.headers.push_back({"api_key", core.auth.tokens.issue(*caller, now)});
  }
  core.counters.answered(to.io, static_cast<std::size_t>(&matched - routes().data()), r.status);
  return r;
}

void call::succeed(std::string json) {
  answer(finished(success(std::move(json)), *head));
}

void call::succeed(std::string json, header also) {
  auto r = success(std::move(json));
  r.headers.push_back(std::move(also));
  answer(finished(std::move(r), *head));
}

void call::fail(const error& why) {
  answer(finished(failure(why, head->request_id), *head));
}

void call::fail_as_caller(const error& why) {
  fail(why.code == error_code::user_not_found ? error(error_code::unauthorized) : why);
}

domain::command_context call::context(std::initializer_list<std::string_view> asked) const {
  domain::command_context context;
  if (caller) context.caller = caller->user;
  context.trace = head->trace;
  add_mark(context, {}, asked);
  return context;
}

domain::command_context call::context_of(std::string_view email, std::initializer_list<std::string_view> asked) const {
  domain::command_context context;
  context.trace = head->trace;
  add_mark(context, ascii_lower(email), asked);
  return context;
}

void call::add_mark(domain::command_context& context, std::string scope,
                    std::initializer_list<std::string_view> asked) const {
  const auto key = head->find("Idempotency-Key");
  if (key.empty()) return;
  const auto& fingerprints = core.auth.fingerprints;
  // What is asked has a fingerprint of its own, because the number of its parts differs from route to route.
  context.idempotency = {std::string(key), std::move(scope),
                         fingerprints.of({matched.method, matched.path, std::to_string(ids[0]), std::to_string(ids[1]),
                                          fingerprints.of(asked)})};
}

}  // namespace social::http
