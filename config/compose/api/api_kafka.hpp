// What the api role does with Kafka: publishes its journal, and asks the push role elsewhere.
#pragma once

#include <chrono>
#include <memory>

#include "actors/events/retention.hpp"
#include "config/compose/api/api_role.hpp"
#include "config/compose/common/kafka_link.hpp"

namespace social::compose {

/// Owned by the service, which keeps it until the api role has ended. Tells link and inspector what there is to see.
class api_kafka {
 public:
  /// `store`: of the api role. `asks_push` false (push.off): nobody is asked, events are published all the same.
  api_kafka(host& on, kafka_link& link, ports::store store, bool asks_push);
  ~api_kafka();
  api_kafka(const api_kafka&) = delete;
  api_kafka& operator=(const api_kafka&) = delete;

  /// The outbox, for which the api's journal is kept.
  [[nodiscard]] events::journal_holder reader() const;

  /// Empty functions when nobody is asked.
  [[nodiscard]] push_access push();

  /// Once no HTTP request is left that could ask: answers what is under way.
  void stop_requests();
  /// Waits for what is under way. False: the deadline passed; what was not acknowledged is sent again at the next
  /// start.
  bool stop_outbox(std::chrono::milliseconds deadline);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::compose
