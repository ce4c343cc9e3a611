// What a member knows about the ends of its partitions, and whether its brokers are there.
#include <algorithm>

#include "actors/kafka/group_member.hpp"

namespace social::kafka {
namespace {

constexpr std::int64_t look_every_ms = 200;   ///< at the ends last heard of
constexpr std::int64_t ask_every_ms = 5'000;  ///< for the ends of partitions that are not fetched
constexpr std::int64_t probe_every_ms = 1'000;
constexpr int ask_ms = 400;  ///< longest wait for an answer

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
  if (const auto code = subscribe_to(*client_, options_.topics); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    observer_.warn("subscribe", "the group could not be joined again", rd_kafka_err2str(code));
}

}  // namespace social::kafka
