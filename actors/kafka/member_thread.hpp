// The thread of a group member, and what it may still touch when it does not end: librdkafka 2.0.2 waits without a
// limit in calls that it forgets to answer once the group has ended (rd_kafka_assign among them), and a stop must not
// wait so.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "actors/kafka/group_consumer.hpp"

namespace social::kafka {

/// Hands everything on to a handler, until it is closed: then nothing reaches the handler any more, which may end.
/// Calls come from one thread, `close` and `outside_ms` from another.
class handler_gate final : public group_handler {
 public:
  /// `handler` lives until `close` has returned.
  explicit handler_gate(group_handler& handler);

  void assigned(group_control& control, const std::vector<topic_partition>& which) override;
  void revoked(group_control& control, const std::vector<topic_partition>& which, bool lost) override;
  void records(group_control& control, std::vector<received> batch) override;
  void turn(group_control& control) override;

  /// Waits for a call that is under way.
  void close();
  /// How long no call has been under way, in milliseconds; 0: one is.
  [[nodiscard]] std::int64_t outside_ms() const;

 private:
  void pass(const std::function<void(group_handler&)>& call);

  std::mutex mutex_;
  group_handler* handler_;                      ///< null: closed
  std::atomic<std::int64_t> outside_since_ms_;  ///< 0: a call is under way
};

/// A thread that is left behind if it does not end.
class member_thread {
 public:
  member_thread() = default;
  /// One that was started has to be ended before.
  ~member_thread();
  member_thread(const member_thread&) = delete;
  member_thread& operator=(const member_thread&) = delete;

  /// `work` owns all that it uses, but for what is behind `gate`. It must not throw.
  void start(std::shared_ptr<handler_gate> gate, std::function<void()> work);
  /// Waits for the end of `work`. If it does not come, and no call of the handler has been under way for as long as
  /// `patience`, closes the gate and lets the thread go on by itself: false. Nothing is waited for if it was not
  /// started.
  bool end(std::chrono::milliseconds patience);

 private:
  struct ending;
  std::shared_ptr<handler_gate> gate_;
  std::shared_ptr<ending> ending_;
  std::thread thread_;
};

}  // namespace social::kafka
