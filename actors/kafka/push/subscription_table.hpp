// The table of all subscriptions, shared by all push processes through the compacted topic v1.push.subscription:
// publishes what this process decides, applies what any process published, in the order of the topic.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "actors/kafka/bridge.hpp"
#include "actors/kafka/client.hpp"
#include "actors/kafka/log_reader.hpp"
#include "actors/ports/clock.hpp"
#include "actors/ports/store.hpp"
#include "actors/protocol/messages.hpp"
#include "actors/runtime/node.hpp"

namespace social::kafka {

struct table_parts {
  runtime::node* node = nullptr;
  ports::store store;  ///< the push store: Subscriptions, their journal, the positions in the topic
  const ports::clock* clock = nullptr;
  /// Reaches the Subscription entities; any thread, must not block.
  std::function<void(protocol::command_message)> command;
  client_settings settings;
  std::shared_ptr<client_health> health;
  producer_factory make;  ///< with partition_by_key_prefix
};

struct table_status {
  bool reading = false;  ///< every partition is being read
  std::uint64_t lag = 0;
  std::uint64_t applied = 0;
  std::uint64_t malformed = 0;  ///< records left behind, with a line in the log
  bridge_status outbox;
};

class subscription_table {
 public:
  explicit subscription_table(table_parts parts);
  ~subscription_table();
  subscription_table(const subscription_table&) = delete;
  subscription_table& operator=(const subscription_table&) = delete;

  /// The topic exists: begins to publish and to read. Waits for a store that cannot say yet how far the table was read;
  /// false: `stop_waiting` or `stop` came first, and nothing was begun.
  bool open();
  /// Any thread: an `open` that waits returns, a later one does not wait. Everything else goes on.
  void stop_waiting();
  /// See log_reader::catch_up; before `open` it waits for it.
  void catch_up(std::function<void(result<void>)> done);
  /// `done` when what this process has decided about the user so far is in the topic.
  void when_published(id_t user, std::function<void(result<void>)> done);
  /// It is being read, and what has not been applied yet is no more than some seconds' work.
  [[nodiscard]] bool is_current() const;
  [[nodiscard]] table_status status() const;
  bool stop(std::chrono::milliseconds deadline);

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
