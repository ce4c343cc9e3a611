// What the push role does with Kafka: hears events, serves requests, keeps the table of all subscriptions, and shows
// what could not be read.
#pragma once

#include <memory>

#include "actors/events/retention.hpp"
#include "config/compose/common/kafka_link.hpp"
#include "config/compose/common/service.hpp"
#include "config/compose/push/push_side.hpp"

namespace social::compose {

/// Owned by the service, which keeps it until the push side has ended. Tells link and inspector what there is to see.
class push_kafka {
 public:
  /// `push` is started before `link` is.
  push_kafka(host& on, kafka_link& link, push_side& push, config::stop_control& stopping);
  ~push_kafka();
  push_kafka(const push_kafka&) = delete;
  push_kafka& operator=(const push_kafka&) = delete;

  /// The outbox of the table of subscriptions, for which the push store's journal is kept.
  [[nodiscard]] events::journal_holder reader() const;

  /// Before the link is stopped, which waits for what is being opened.
  void stop_waiting();
  /// Takes nothing more, finishes and commits what is under way, leaves the group.
  void stop_feed(std::chrono::milliseconds deadline);
  /// After the feed. What the table's outbox holds is on disk and is sent at the next start.
  void stop_table(std::chrono::milliseconds deadline);
  /// After both: replies and dead letters that are under way, and the looks at dead letters.
  void stop_replies(std::chrono::milliseconds deadline);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::compose
