#include "actors/kafka/push/event_feed.hpp"

#include <atomic>

#include "actors/kafka/push/feed_handler.hpp"

namespace social::kafka {
namespace {

feed_options with_topics(feed_options options) {
  options.group.topics = options.event_topics;
  options.group.topics.insert(options.group.topics.end(), options.request_topics.begin(), options.request_topics.end());
  return options;
}

}  // namespace

class event_feed::parts {
 public:
  parts(client_settings settings, feed_options options, feed_parts outside, std::shared_ptr<client_health> health)
      : options_(with_topics(std::move(options))),
        handler_(options_, std::move(outside), [this] { wake(); }),
        consumer_(std::move(settings), options_.group, handler_, std::move(health)) {
    handler_.look_at_ends([this] { return consumer_.ends(); });
    handler_.look_at_starts([this] { return consumer_.starts(); });
  }

  result<void> start() {
    if (auto started = consumer_.start(); !started) return started;
    running_ = true;
    return {};
  }

  [[nodiscard]] feed_status status() const {
    auto out = handler_.status();
    out.group = consumer_.metrics();
    return out;
  }

  void stop(std::int64_t wait_ms) {
    handler_.hurry(wait_ms);
    if (running_.exchange(false)) consumer_.stop();
    handler_.close();
  }

 private:
  void wake() {
    if (running_) consumer_.wake();
  }

  const feed_options options_;
  std::atomic<bool> running_{false};
  feed_handler handler_;
  group_consumer consumer_;
};

event_feed::event_feed(client_settings settings, feed_options options, feed_parts parts,
                       std::shared_ptr<client_health> health)
    : parts_(std::make_unique<event_feed::parts>(std::move(settings), std::move(options), std::move(parts),
                                                 std::move(health))) {}

event_feed::~event_feed() {
  parts_->stop(0);
}

result<void> event_feed::start() {
  return parts_->start();
}

feed_status event_feed::status() const {
  return parts_->status();
}

void event_feed::stop(std::chrono::milliseconds deadline) {
  parts_->stop(deadline.count());
}

}  // namespace social::kafka
