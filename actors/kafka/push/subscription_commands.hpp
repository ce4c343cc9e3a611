// Commands to Subscriptions from a thread that may wait for their answers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/domain/subscription/commands.hpp"
#include "actors/ports/clock.hpp"
#include "actors/protocol/messages.hpp"

namespace social::kafka {

/// Used by one thread, but for `stop`. What is under way may outlive it.
class subscription_commands {
 public:
  using send_function = std::function<void(protocol::command_message)>;
  struct ended {
    std::size_t number = 0;  ///< as it was sent with
    result<void> outcome;
  };

  /// `send` reaches the Subscription entities and must not block.
  subscription_commands(send_function send, const ports::clock& clock, shard_t shards)
      : send_(std::move(send)), clock_(clock), shards_(shards) {}

  void send(std::size_t number, id_t user, domain::subscription::command what);
  /// Waits until at least one has ended; none, when none is under way or `stop` was called.
  [[nodiscard]] std::vector<ended> wait();
  [[nodiscard]] std::size_t under_way() const { return under_way_; }

  /// Any thread: `wait` returns at once from now on.
  void stop();
  [[nodiscard]] bool stopped() const;
  /// True: stopped before the time was over.
  [[nodiscard]] bool rest(std::int64_t ms) const;

 private:
  struct answers {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<ended> arrived;
    bool stopped = false;
  };

  const send_function send_;
  const ports::clock& clock_;
  const shard_t shards_;
  const std::shared_ptr<answers> answers_ = std::make_shared<answers>();
  std::size_t under_way_ = 0;
};

}  // namespace social::kafka
