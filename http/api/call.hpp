// One request of the public API on its way to its answer.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/domain/aggregate.hpp"
#include "http/api/api_counters.hpp"
#include "http/api/api_options.hpp"
#include "http/api/media_type.hpp"
#include "http/api/routes.hpp"
#include "http/auth/services.hpp"
#include "http/gateway/backend.hpp"
#include "http/server/exchange.hpp"

namespace social::http {

/// What all calls share. Outlives every call.
struct api_core {
  api_core(api_options o, backend& n, auth::services& a)
      : options(std::move(o)), node(n), auth(a), counters(options.io_threads) {}
  api_options options;
  backend& node;
  auth::services& auth;
  api_counters counters;
};

/// Made when the header is there, filled when the body is; whoever holds the last reference answers. Used by one thread
/// at a time: an I/O thread, or a thread of the password pool while that has it.
class call {
 public:
  call(api_core& core, const route& matched) : core(core), matched(matched) {}
  call(const call&) = delete;
  call& operator=(const call&) = delete;

  /// The one answer.
  void succeed(std::string json);
  void succeed(std::string json, header also);
  void fail(const error& why);
  /// Of an ask about the caller himself: who is no longer there is not authenticated.
  void fail_as_caller(const error& why);
  /// Adds what every answer of this call carries, and counts it.
  response finished(response r, const request_head& to);

  [[nodiscard]] id_t user() const { return caller->user; }
  [[nodiscard]] io_index io() const { return head->io; }
  /// `asked`: what the caller's words ask for besides method and path, without secrets; it tells a repeat under an
  /// idempotency key from another call.
  [[nodiscard]] domain::command_context context(std::initializer_list<std::string_view> asked = {}) const;
  /// The same for somebody who is not signed in: the key belongs to the e-mail.
  [[nodiscard]] domain::command_context context_of(std::string_view email,
                                                   std::initializer_list<std::string_view> asked) const;
  [[nodiscard]] bool is_head() const { return head->method == "HEAD"; }

  api_core& core;
  const route& matched;
  std::array<id_t, 2> ids{};                   ///< path parameters; 0: not an id
  content_type media;                          ///< of the body
  std::shared_ptr<const auth::claims> caller;  ///< only on routes that need a user
  std::optional<auth::rate_decision> rate;
  std::shared_ptr<const request_head> head;
  respond answer;
  bool replayed = false;  ///< the answer is the stored outcome of an earlier call

 private:
  void add_mark(domain::command_context& context, std::string scope,
                std::initializer_list<std::string_view> asked) const;
};
using call_ptr = std::shared_ptr<call>;

/// Asks the node for a command on the call's I/O thread. What was answered before, under the same idempotency key,
/// marks the call as replayed.
template <class A, class Reply = typename A::reply>
void ask(const call_ptr& c, command_target target, domain::command_context context, typename A::command command,
         backend::completion<Reply> done) {
  target.kind = A::kind;
  c->core.node.command(c->io(), target, std::move(context), domain::erase<typename A::command>(std::move(command)),
                       [c, done = std::move(done)](result<domain::erased_ptr> reply) {
                         if (!reply) return done(reply.error());
                         c->replayed = (*reply)->replayed;
                         done(domain::unerase<Reply>(**reply));
                       });
}

/// Runs `go` with the value, or fails the call.
template <class T, class Go>
backend::completion<T> or_fail(call_ptr c, Go go) {
  return [c = std::move(c), go = std::move(go)](result<T> value) {
    if (!value) return c->fail(value.error());
    go(c, *value);
  };
}

}  // namespace social::http
