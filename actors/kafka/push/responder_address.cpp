#include "actors/kafka/push/responder_address.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

constexpr std::size_t topic_bytes_max = 249;  // org.apache.kafka.common.internals.Topic

bool is_legal_name(std::string_view topic) noexcept {
  if (topic.empty() || topic.size() > topic_bytes_max || topic == "." || topic == "..") return false;
  return std::ranges::all_of(topic, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

/// What we write or read for something else than replies.
const std::set<std::string, std::less<>>& forbidden() {
  static const auto names = [] {
    std::set<std::string, std::less<>> out;
    for (auto& plan : topics_of_the_contract(1, 1)) out.insert(std::move(plan.name));
    for (const auto& reply : topics_of_replies()) out.erase(reply);
    return out;
  }();
  return names;
}

std::int32_t read_partition(const std::string& bytes) noexcept {
  if (bytes.size() != 4) return -1;
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value > INT32_MAX ? -1 : static_cast<std::int32_t>(value);
}

}  // namespace

reply_address read_reply_address(const record& request) {
  reply_address to;
  if (const auto* topic = request.find("kafka_replyTopic")) to.topic = *topic;
  if (const auto* partition = request.find("kafka_replyPartition")) to.partition = read_partition(*partition);
  if (const auto* correlation = request.find("kafka_correlationId")) to.correlation = *correlation;
  return to;
}

bool may_reply_to(std::string_view name) {
  if (!is_legal_name(name) || name.starts_with("__")) return false;
  return !name.ends_with(topic::dead_letter_suffix) && !forbidden().contains(name);
}

std::string read_trace(const record& request) {
  const auto* trace = request.find("traceparent");
  if (trace == nullptr || trace->size() != 55 || !trace->starts_with("00-")) return {};
  const bool plain =
      std::ranges::all_of(*trace, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'; });
  return plain ? *trace : std::string();
}

}  // namespace social::kafka
