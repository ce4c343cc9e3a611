// What one I/O thread has asked of the actors and has no answer to yet: who waits, until when.
//
// Shared by the gateway, its actor (which looks at the deadlines) and every reply slot under way, which may outlive
// both. Opened on I/O threads and on threads of the password pool, answered by whoever answers; a mutex held for a few
// instructions orders them. Answers do not pass through an actor: they go from the thread that gives them straight to
// the I/O thread that asked (docs/adr/0001).
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "actors/base/reply_slot.hpp"
#include "actors/runtime/node.hpp"
#include "http/gateway/gateway.hpp"

namespace social::http {

class ask_table : public std::enable_shared_from_this<ask_table> {
 public:
  ask_table(io_index io, gateway_options options, io_post post, runtime::node_context& node)
      : io_(io), options_(options), post_(std::move(post)), node_(node) {}

  /// What an ask is answered when nobody else does.
  struct fallback {
    error_code late = error_code::outcome_unknown;
    error_code stopped = error_code::outcome_unknown;
    std::int64_t deadline_ms = 0;  ///< until it is late; 0: the usual time
  };

  /// Keeps `done` and calls `route` with the slot to answer, on this thread; `close` waits until `route` has returned.
  /// Beyond the limit `done` gets overloaded, after `close` unavailable, at once.
  template <class T, class Route>
  void ask(backend::completion<T> done, fallback otherwise, Route route) {
    auto kept = std::make_shared<typed_ask<T>>(std::move(done), otherwise);
    auto refused = error_code::unavailable;
    if (const std::shared_lock routing(routing_); !closed_) {
      if (keep(kept))
        return route(std::make_shared<reply_slot<T>>(
            [table = shared_from_this(), kept](result<T> outcome) { table->answered(*kept, std::move(outcome)); }));
      refused = error_code::overloaded;
      count_shed();
    }
    kept->done(refused);  // outside of the lock: it may ask again
  }

  /// Answers what has waited too long. `now_us`: monotonic.
  void expire(std::int64_t now_us);
  /// Answers everything. When it returns, no `route` runs any more.
  void close();
  [[nodiscard]] std::size_t open() const noexcept { return open_.load(std::memory_order_relaxed); }

 private:
  struct open_ask {
    explicit open_ask(fallback f) : otherwise(f) {}
    virtual ~open_ask() = default;
    virtual void refuse(ask_table& table, error_code why) = 0;
    const fallback otherwise;
    std::atomic<bool> taken{false};  ///< by the first answer, the deadline or the stop
  };
  template <class T>
  struct typed_ask final : open_ask {
    typed_ask(backend::completion<T> d, fallback f) : open_ask(f), done(std::move(d)) {}
    void refuse(ask_table& table, error_code why) override { table.complete<T>(std::move(done), why); }
    backend::completion<T> done;
  };

  bool keep(std::shared_ptr<open_ask> ask);
  [[nodiscard]] bool take(open_ask& ask) noexcept;
  void count_late();
  void count_shed();
  template <class T>
  void answered(typed_ask<T>& ask, result<T> outcome) {
    if (!take(ask)) return count_late();
    complete<T>(std::move(ask.done), std::move(outcome));
  }
  template <class T>
  void complete(backend::completion<T> done, result<T> outcome) {
    post_(io_, [done = std::move(done), outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
  }

  const io_index io_;
  const gateway_options options_;
  const io_post post_;
  runtime::node_context& node_;
  std::shared_mutex routing_;  ///< shared while an ask is routed
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;
  /// (monotonic us, ask), in order; answered ones leave when they come to the front, or when they are too many.
  std::deque<std::pair<std::int64_t, std::shared_ptr<open_ask>>> deadlines_;
};

}  // namespace social::http
