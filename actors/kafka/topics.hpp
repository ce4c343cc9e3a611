// The topics of docs/events.md, and their making.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/kafka/client.hpp"

namespace social::kafka {

namespace topic {
inline constexpr std::string_view user_joined = "v1.event.user-joined";
inline constexpr std::string_view post_created = "v1.event.post-created";
inline constexpr std::string_view post_viewed = "v1.event.post-viewed";
inline constexpr std::string_view post_liked = "v1.event.post-liked";
inline constexpr std::string_view comment_created = "v1.event.comment-created";
inline constexpr std::string_view connection_requested = "v1.event.connection-requested";
inline constexpr std::string_view connection_granted = "v1.event.connection-granted";
inline constexpr std::string_view subscription_request = "v1.event.subscription.request";
inline constexpr std::string_view subscription_response = "v1.event.subscription.response";
inline constexpr std::string_view push_request = "v1.push.request";
inline constexpr std::string_view push_response = "v1.push.response";
inline constexpr std::string_view subscription_table = "v1.push.subscription";
inline constexpr std::string_view dead_letter_suffix = "-dlt";
}  // namespace topic

/// A topic as we want it.
struct topic_plan {
  std::string name;
  std::int32_t partitions = 3;
  std::int32_t replication = 1;
  std::vector<std::pair<std::string, std::string>> settings;  ///< such as cleanup.policy=compact
};

/// Every topic of docs/events.md; the ones that are consumed by the push role have a dead letter topic.
std::vector<topic_plan> topics_of_the_contract(std::int32_t partitions, std::int32_t replication);
/// What the push role consumes as events.
std::vector<std::string> topics_of_push_events();
/// What the api role's outbox writes.
std::vector<std::string> topics_of_api_events();
/// Requests to the push role, and the replies that the api role asks for.
std::vector<std::string> topics_of_requests();
std::vector<std::string> topics_of_replies();
/// Everything that the push role reads or writes of its own accord.
std::vector<std::string> topics_of_push();

struct topic_status {
  std::string name;
  bool exists = false;
  std::int32_t partitions = 0;
  /// A sentence: why it is not there, or what is otherwise than planned; empty: as planned, or not looked for yet.
  std::string difference;
};

/// Something that begins when its topics exist.
struct topic_gate {
  std::vector<std::string> topics;
  std::function<void()> open;
};

/// One of all these.
topic_gate gate_of_all(const std::vector<topic_plan>& plans, std::function<void()> open);

/// Creates what is missing as soon as Kafka answers, and says (in the log, once) what differs. Goes on looking: a topic
/// that somebody deletes, or that a broker spoke of which had not heard yet that it was deleted, is made again. What
/// cannot be made, or may not be seen, holds up only those who need it. Owns a thread until `stop`.
class topic_keeper {
 public:
  /// Each gate opens once, on its thread, when the topics it names exist; it goes on trying without end until then.
  /// `look_later`: how often it looks once all were there.
  topic_keeper(client_settings settings, std::vector<topic_plan> plans, std::vector<topic_gate> gates,
               std::shared_ptr<client_health> health, std::chrono::milliseconds look_later = std::chrono::seconds(5));
  ~topic_keeper();
  topic_keeper(const topic_keeper&) = delete;
  topic_keeper& operator=(const topic_keeper&) = delete;
  [[nodiscard]] std::vector<topic_status> status() const;
  /// All gates are open.
  [[nodiscard]] bool is_ready() const;
  void stop();

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
