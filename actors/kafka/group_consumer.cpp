#include "actors/kafka/group_consumer.hpp"

#include <chrono>
#include <mutex>
#include <utility>

#include "actors/base/log.hpp"
#include "actors/kafka/group_member.hpp"
#include "actors/kafka/member_thread.hpp"

namespace social::kafka {
namespace {

/// For librdkafka alone, from the wish to stop: its longest call takes a second, the goodbye two (group_member.cpp).
constexpr std::chrono::milliseconds end_patience{5'000};

}  // namespace

/// Starts and ends the thread, and lets others look at what it publishes.
class group_consumer::parts {
 public:
  parts(client_settings settings, group_options options, group_handler& handler, std::shared_ptr<client_health> health)
      : settings_(std::move(settings)),
        options_(std::move(options)),
        gate_(std::make_shared<handler_gate>(handler)),
        health_(std::move(health)) {}

  result<void> start() {
    const std::lock_guard lock(mutex_);
    if (member_) return error(error_code::internal, "the consumer was started before");
    auto made = group_member::make(settings_, options_, *gate_, health_, seen_);
    if (!made) return made.error();
    member_ = std::move(*made);
    thread_.start(gate_, [member = member_, gate = gate_] { member->run(); });
    return {};
  }

  void wake() {
    const std::lock_guard lock(mutex_);
    if (member_) member_->wake();
  }

  void stop() {
    const std::lock_guard stopping(stop_mutex_);
    std::shared_ptr<group_member> ending;
    {
      const std::lock_guard lock(mutex_);
      ending = member_;
    }
    if (!ending) return;
    ending->stop();
    if (!thread_.end(end_patience))
      log::error("kafka",
                 "librdkafka does not answer, so a member of the group is left behind; what it has not committed comes "
                 "again",
                 {{"group", options_.group}});
    const std::lock_guard lock(mutex_);
    member_.reset();
  }

  [[nodiscard]] const group_view& seen() const { return *seen_; }

 private:
  const client_settings settings_;
  const group_options options_;
  const std::shared_ptr<handler_gate> gate_;
  const std::shared_ptr<client_health> health_;
  const std::shared_ptr<group_view> seen_ = std::make_shared<group_view>();
  std::mutex stop_mutex_;  ///< taken before `mutex_`: who stops second waits until it has stopped
  std::mutex mutex_;
  std::shared_ptr<group_member> member_;  ///< used by the thread, but for `wake` and `stop`
  member_thread thread_;
};

group_consumer::group_consumer(client_settings settings, group_options options, group_handler& handler,
                               std::shared_ptr<client_health> health)
    : parts_(std::make_unique<parts>(std::move(settings), std::move(options), handler, std::move(health))) {}
group_consumer::~group_consumer() {
  stop();
}
result<void> group_consumer::start() {
  return parts_->start();
}
void group_consumer::wake() {
  parts_->wake();
}
group_metrics group_consumer::metrics() const {
  return parts_->seen().metrics();
}
std::map<topic_partition, std::int64_t> group_consumer::ends() const {
  return parts_->seen().ends();
}
std::map<topic_partition, partition_start> group_consumer::starts() const {
  return parts_->seen().starts();
}
void group_consumer::stop() {
  parts_->stop();
}

}  // namespace social::kafka
