#include "actors/kafka/topics.hpp"

#include <array>

namespace social::kafka {
namespace {

using setting = std::pair<std::string, std::string>;

/// The default of brokers. Planned all the same, so that a topic that somebody else has made otherwise, and that would
/// lose all but the newest event of each key, is reported.
const setting kept_for_a_time{"cleanup.policy", "delete"};
/// What a request or a reply holds (device keys) is of no use after a time-out of seconds.
const setting kept_for_an_hour{"retention.ms", "3600000"};
/// A broker deletes whole segments, and never the one that is written to: with its own limits (a week, or 1 GiB) an
/// hour would be a week.
const setting in_short_segments{"segment.ms", "600000"};

/// What a push process that was switched off for a week has to know when it comes back: which devices are gone. The
/// rest lets the cleaner remove superseded versions soon, although the topic is small and changes seldom.
const std::vector<setting> table_settings = {{"cleanup.policy", "compact"},
                                             {"delete.retention.ms", "604800000"},
                                             {"segment.ms", "86400000"},
                                             {"min.cleanable.dirty.ratio", "0.1"}};

/// Events that nobody here consumes, but others may.
constexpr std::array<std::string_view, 8> other_events = {
    topic::post_created,     topic::post_viewed,      "v1.event.user-updated",    "v1.event.user-deleted",
    "v1.event.post-updated", "v1.event.post-deleted", "v1.event.comment-updated", "v1.event.comment-deleted"};

std::string dead_letters_of(std::string_view name) {
  return std::string(name).append(topic::dead_letter_suffix);
}

}  // namespace

std::vector<std::string> topics_of_push_events() {
  std::vector<std::string> out;
  for (const auto name : {topic::user_joined, topic::post_liked, topic::comment_created, topic::connection_requested,
                          topic::connection_granted})
    out.emplace_back(name);
  return out;
}

std::vector<std::string> topics_of_api_events() {
  auto out = topics_of_push_events();
  for (const auto name : {topic::post_created, topic::post_viewed}) out.emplace_back(name);
  return out;
}

std::vector<std::string> topics_of_requests() {
  return {std::string(topic::subscription_request), std::string(topic::push_request)};
}

std::vector<std::string> topics_of_replies() {
  return {std::string(topic::subscription_response), std::string(topic::push_response)};
}

std::vector<std::string> topics_of_push() {
  auto out = topics_of_push_events();
  for (auto& name : topics_of_requests()) out.push_back(std::move(name));
  const auto consumed = out.size();
  for (std::size_t i = 0; i < consumed; ++i) out.push_back(dead_letters_of(out[i]));
  for (auto& name : topics_of_replies()) out.push_back(std::move(name));
  out.emplace_back(topic::subscription_table);
  return out;
}

topic_gate gate_of_all(const std::vector<topic_plan>& plans, std::function<void()> open) {
  topic_gate out;
  out.open = std::move(open);
  for (const auto& plan : plans) out.topics.push_back(plan.name);
  return out;
}

std::vector<topic_plan> topics_of_the_contract(std::int32_t partitions, std::int32_t replication) {
  std::vector<topic_plan> out;
  const auto add = [&](std::string name, std::vector<setting> settings) {
    // With three copies one may be away, and what was acknowledged is still on two.
    if (replication >= 3) settings.emplace_back("min.insync.replicas", std::to_string(replication - 1));
    out.push_back({std::move(name), partitions, replication, std::move(settings)});
  };
  for (const auto name : other_events) add(std::string(name), {kept_for_a_time});
  for (const auto& name : topics_of_push_events()) {
    add(name, {kept_for_a_time});
    add(dead_letters_of(name), {kept_for_a_time});
  }
  for (const auto& name : topics_of_requests()) {
    add(name, {kept_for_a_time, kept_for_an_hour, in_short_segments});
    add(dead_letters_of(name), {kept_for_a_time});
  }
  for (const auto& name : topics_of_replies()) add(name, {kept_for_a_time, kept_for_an_hour, in_short_segments});
  add(std::string(topic::subscription_table), table_settings);
  return out;
}

}  // namespace social::kafka
