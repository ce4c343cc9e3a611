// Commands that concern one endpoint pass one after the other, whosever they are: an endpoint's row is shared by the
// Subscriptions of all who had it, and what one decides upon it must be there when the next one looks.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "actors/protocol/messages.hpp"

namespace social::push {

/// Stands between all who command Subscriptions and the region. Owned by the composition root; any thread, nothing
/// blocks. A command waits for the reply of the one before it. It may go before the last reply: what waits then is
/// answered shutting_down, and `next` is not called any more.
class endpoint_turns {
 public:
  static constexpr std::size_t waiting_max_default = 10'000;
  using send_function = std::function<void(protocol::command_message)>;

  /// `next` takes what has its turn; it must not block. More than `waiting_max` commands that wait: overloaded, and
  /// `shed` is told of each.
  explicit endpoint_turns(send_function next, std::size_t waiting_max = waiting_max_default,
                          std::function<void()> shed = {});

  ~endpoint_turns();
  endpoint_turns(const endpoint_turns&) = delete;
  endpoint_turns& operator=(const endpoint_turns&) = delete;

  void send(protocol::command_message message);
  /// Commands that were handed on and are not answered, and those that wait for them.
  [[nodiscard]] std::size_t under_way() const;

 private:
  struct turns;
  std::shared_ptr<turns> turns_;
};

}  // namespace social::push
