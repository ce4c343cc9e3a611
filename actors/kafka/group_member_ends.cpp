// What a member knows about the ends of its partitions, and whether its brokers are there.
#include <algorithm>

#include "actors/kafka/group_member.hpp"

namespace social::kafka {
namespace {

constexpr std::int64_t look_every_ms = 200;   ///< at the ends last heard of
constexpr std::int64_t ask_every_ms = 5'000;  ///< for the ends of partitions that are not fetched
constexpr std::int64_t probe_every_ms = 1'000;
constexpr int ask_ms = 400;                  ///< longest wait for an answer
constexpr std::int64_t left_out_ms = 3'000;  ///< without a partition of a topic, until it is asked why

using group_list = std::unique_ptr<const struct rd_kafka_group_list, rd::freed_by<rd_kafka_group_list_destroy>>;

}  // namespace

void group_member::look_at_ends() {
  const auto now = rd::now_ms();
  if (now < look_at_ms_) return;
  look_at_ms_ = now + look_every_ms;
  for (const auto& [where, state] : places_) {
    std::int64_t low = -1;
    std::int64_t high = -1;
    if (state.flows &&
        rd_kafka_get_watermark_offsets(client_.get(), where.topic.c_str(), where.partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0)
      seen_->set_end(where, high);
  }
  if (!observer_.health().look().connected)
    probe();
  else if (now >= ask_at_ms_)
    ask_for_ends();
  rejoin_if_left_out();
}

/// librdkafka says when all brokers are gone, but not when one is back.
void group_member::probe() {
  if (rd::now_ms() < probe_at_ms_) return;
  const auto answer = rd::query_partitions(*client_, *topic_, ask_ms);
  if (answer || answer.error().code == error_code::not_found) observer_.answered();
  probe_at_ms_ = rd::now_ms() + probe_every_ms;
}

/// Ends come with records, and these do not come while the handler has too much to do, which is when lag matters.
void group_member::ask_for_ends() {
  ask_at_ms_ = rd::now_ms() + std::min(ask_every_ms, options_.start_patience_ms);
  std::vector<topic_partition> which;
  for (const auto& [where, state] : places_)
    if (!state.flows || !state.started) which.push_back(where);
  for (const auto& [where, end] : rd::query_offsets(*client_, which, RD_KAFKA_OFFSET_END, ask_ms)) {
    seen_->set_end(where, end);
    rejoin_if_stuck(where, places_.at(where));
  }
}

/// librdkafka gives up on a partition whose committed offset it could not get, and has forgotten others (see `place`).
/// A new assignment brings them back.
void group_member::rejoin_if_stuck(const topic_partition& where, place& state) {
  const auto now = rd::now_ms();
  if (state.started || state.stuck_since_ms == 0) {
    state.stuck_since_ms = state.started ? 0 : now;
    return;
  }
  if (now - state.stuck_since_ms < options_.start_patience_ms) return;
  for (auto& [other, place] : places_) place.stuck_since_ms = now;
  observer_.warn("stuck", "a partition that was assigned is not fetched; the group is joined again",
                 where.topic + "/" + std::to_string(where.partition));
  join_again();
}

void group_member::join_again() {
  if (const auto code = subscribe_to(*client_, options_.topics); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    observer_.warn("subscribe", "the group could not be joined again", rd_kafka_err2str(code));
}

std::vector<std::string> group_member::topics_without_partition() const {
  std::vector<std::string> out;
  for (const auto& topic : options_.topics) {
    const auto first = places_.lower_bound({topic, 0});
    if (first == places_.end() || first->first.topic != topic) out.push_back(topic);
  }
  return out;
}

/// Nullopt: no broker says.
std::optional<int> group_member::members() const {
  const struct rd_kafka_group_list* answer = nullptr;
  const auto code = rd_kafka_list_groups(client_.get(), options_.group.c_str(), &answer, ask_ms);
  const group_list owned(answer);  // there is one also when only some brokers have answered
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || owned == nullptr || owned->group_cnt != 1) return std::nullopt;
  return owned->groups[0].member_cnt;
}

/// The member that hands out partitions does so by what one broker told it: a topic that was new, and that this broker
/// had not heard of, is left out, and librdkafka never looks again. By range, whoever is one of no more members than a
/// topic has partitions has at least one of them.
void group_member::rejoin_if_left_out() {
  const auto now = rd::now_ms();
  const auto topics = seen_->rebalances == 0 ? std::vector<std::string>() : topics_without_partition();
  if (topics.empty() || left_out_since_ms_ == 0) {
    left_out_since_ms_ = topics.empty() ? 0 : now;
    return;
  }
  if (now - left_out_since_ms_ < left_out_ms) return;
  left_out_since_ms_ = now;
  const rd::topic_handle topic(rd_kafka_topic_new(client_.get(), topics.front().c_str(), nullptr));
  if (topic == nullptr) return;
  const auto partitions = rd::query_partitions(*client_, *topic, ask_ms);
  if (!partitions || *partitions == 0) return;
  if (const auto count = members(); !count || *count > *partitions) return;
  observer_.warn("left-out", "no partition of a topic was assigned; the group is joined again", topics.front());
  join_again();
}

}  // namespace social::kafka
