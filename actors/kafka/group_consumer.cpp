#include "actors/kafka/group_consumer.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "actors/base/log.hpp"
#include "actors/kafka/group_member.hpp"

namespace social::kafka {

/// Starts and ends the thread, and lets others look at what it publishes.
class group_consumer::parts {
 public:
  parts(client_settings settings, group_options options, group_handler& handler, std::shared_ptr<client_health> health)
      : settings_(std::move(settings)), options_(std::move(options)), handler_(handler), health_(std::move(health)) {}

  result<void> start() {
    const std::lock_guard lock(mutex_);
    if (member_) return error(error_code::internal, "the consumer was started before");
    auto made = group_member::make(settings_, options_, handler_, health_, seen_);
    if (!made) return made.error();
    member_ = std::move(*made);
    thread_ = std::thread([member = member_.get()] { member->run(); });
    return {};
  }

  void wake() {
    const std::lock_guard lock(mutex_);
    if (member_) member_->wake();
  }

  void stop() {
    std::thread ending;
    {
      const std::lock_guard lock(mutex_);
      if (member_) member_->stop();
      ending.swap(thread_);
    }
    if (!ending.joinable()) return;
    ending.join();
    const std::lock_guard lock(mutex_);
    member_.reset();
  }

  [[nodiscard]] const group_view& seen() const { return *seen_; }

 private:
  const client_settings settings_;
  const group_options options_;
  group_handler& handler_;
  const std::shared_ptr<client_health> health_;
  const std::shared_ptr<group_view> seen_ = std::make_shared<group_view>();
  std::mutex mutex_;
  std::unique_ptr<group_member> member_;  ///< used by the thread, but for `wake` and `stop`
  std::thread thread_;
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
