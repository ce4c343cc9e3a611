// What all Kafka clients of a process share: settings, how the connection looks, the topics, and one report.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/kafka/client.hpp"
#include "actors/kafka/codec.hpp"
#include "actors/kafka/topics.hpp"
#include "config/compose/common/host.hpp"

namespace social::compose {

/// Longest wait for Kafka at a stop, of each part: what an outbox holds is on disk and is sent at the next start, and a
/// request that was not answered is served again.
inline constexpr std::chrono::milliseconds kafka_wait_max{3'000};

/// Owned by the service; outlives the roles' Kafka parts, which tell it what they have before `start`. Registers
/// GET /admin/kafka, readiness and metrics of the connection.
class kafka_link {
 public:
  kafka_link(host& on, std::string client_id);
  ~kafka_link();
  kafka_link(const kafka_link&) = delete;
  kafka_link& operator=(const kafka_link&) = delete;

  [[nodiscard]] const kafka::client_settings& client() const { return client_; }
  [[nodiscard]] const kafka::topic_formats& formats() const { return formats_; }
  [[nodiscard]] const std::shared_ptr<kafka::client_health>& health() const { return health_; }

  /// `open` runs once, on the topic keeper's thread, when these topics exist; perhaps never.
  void when_topics_exist(std::vector<std::string> topics, std::function<void()> open);
  /// A member of GET /admin/kafka, as JSON.
  void add_member(std::string name, std::function<std::string()> report);

  /// Begins to look for the brokers; does not wait for them. Before the admin listener starts.
  void start();
  /// When it returns, nothing is opened any more.
  void stop();

 private:
  [[nodiscard]] std::string report() const;
  [[nodiscard]] std::vector<protocol::readiness_check> readiness() const;

  host& on_;
  const kafka::client_settings client_;
  const kafka::topic_formats formats_;
  const std::shared_ptr<kafka::client_health> health_ = std::make_shared<kafka::client_health>();
  std::vector<kafka::topic_gate> gates_;
  std::vector<std::pair<std::string, std::function<std::string()>>> members_;
  std::unique_ptr<kafka::topic_keeper> topics_;
};

}  // namespace social::compose
