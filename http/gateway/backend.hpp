// What HTTP handlers may ask of the node. No CAF, no Asio: the gateway implements it over actors, tests script it.
#pragma once

#include <cstddef>
#include <functional>

#include "actors/protocol/messages.hpp"
#include "actors/protocol/push.hpp"
#include "actors/protocol/query.hpp"

namespace social::http {

/// Index of the I/O thread that asks; completions run on that very thread.
using io_index = std::size_t;

/// How a command finds its shard.
struct command_target {
  domain::aggregate_kind kind{};
  id_t id = 0;        ///< an existing aggregate; its shard follows from the id. 0: a new one, in `shard`
  shard_t shard = 0;  ///< only when id is 0
};

class backend {
 public:
  virtual ~backend() = default;
  template <class T>
  using completion = std::function<void(result<T>)>;

  /// `context.now` is filled in by the gateway. Answers: the reply variant of the aggregate, or its refusal;
  /// overloaded / store_unavailable (nothing was done), outcome_unknown (deadline passed, failed write),
  /// unavailable (that kind is not served by this process).
  virtual void command(io_index io, command_target target, domain::command_context context, domain::erased_ptr command,
                       completion<domain::erased_ptr> done) = 0;
  /// Deadline passed: overloaded.
  virtual void query(io_index io, protocol::query question, completion<protocol::answer> done) = 0;
  /// Somebody else opened a post; counted later, shed first.
  virtual void opened(id_t post, std::uint64_t times) = 0;
  virtual void subscribe(io_index io, protocol::subscribe_request request, domain::command_context context,
                         completion<domain::subscription::device_view> done) = 0;
  /// subscription_not_found: the user has no such device.
  virtual void remove_device(io_index io, protocol::remove_device_request request, domain::command_context context,
                             completion<protocol::device_removed> done) = 0;
  virtual void push_key(io_index io, completion<protocol::push_key> done) = 0;

  virtual shard_t shards() const = 0;
  virtual timestamp_t now() const = 0;

  /// Typed form of `command`: `ask<domain::post_aggregate>(io, target, context, post::like{...}, [](result<reply>)
  /// {})`. A command that a child decides answers with the child's reply: name it as `Reply` (commenting on a post).
  template <class A, class Reply = typename A::reply>
  void ask(io_index io, command_target target, domain::command_context context, typename A::command command,
           completion<Reply> done) {
    target.kind = A::kind;
    this->command(io, target, std::move(context), domain::erase<typename A::command>(std::move(command)),
                  [done = std::move(done)](result<domain::erased_ptr> reply) {
                    if (!reply) return done(reply.error());
                    done(domain::unerase<Reply>(**reply));
                  });
  }
};

}  // namespace social::http
