// The bridge's actor: its cursors, what it shows, and its end.
#include <algorithm>
#include <chrono>
#include <utility>

#include "actors/base/log.hpp"
#include "actors/kafka/bridge_runner.hpp"

namespace social::kafka::bridging {
namespace {

constexpr auto look_around_interval = std::chrono::seconds(1);

}  // namespace

// --- Cursors
// -----------------------------------------------------------------------------------------------------------------

void runner::load_cursors() {
  auto loaded = cursors_.load(plan_.source);
  if (loaded) {
    window_ = publish_window(*loaded);
    if (!cursors_failure_.empty())
      log::info("kafka", "the cursors can be read again", {{"outbox", plan_.options.name}});
    cursors_failure_.clear();
    return;
  }
  if (cursors_failure_.empty())
    log::error("kafka", "the cursors cannot be read; nothing is published before they can",
               {{"outbox", plan_.options.name}, {"reason", loaded.error().text()}});
  cursors_failure_ = loaded.error().text();
}

void runner::plan_cursors() {
  if (write_planned_ || cursors_.is_writing() || ending_ || !cursors_.are_due(window_)) return;
  write_planned_ = true;
  delayed_send(this, std::chrono::milliseconds(plan_.options.cursor_interval_ms), write_cursors{});
}

void runner::write_cursors_now() {
  const bool begun = cursors_.write(window_, [self = caf::actor_cast<bridge_actor>(this)](const result<void>& outcome) {
    caf::anon_send(self, cursors_written{outcome});
  });
  if (!begun) on_cursors_written(plan_.cursors.log->refusal());
}

void runner::on_cursors_written(const result<void>& outcome) {
  if (cursors_.is_writing()) cursors_.written(outcome);
  if (!outcome && cursors_failure_.empty())
    log::warning("kafka", "the cursors cannot be written; after a restart more is published again",
                 {{"outbox", plan_.options.name}, {"reason", outcome.error().text()}});
  if (outcome && !cursors_failure_.empty())
    log::info("kafka", "the cursors can be written again", {{"outbox", plan_.options.name}});
  cursors_failure_ = outcome ? std::string() : std::string(outcome.error().text());
}

// --- What it shows
// -----------------------------------------------------------------------------------------------------------

void runner::look_around_now() {
  delayed_send(this, look_around_interval, look_around{});
  if (ending_) return;
  if (window_.shards() == 0) load_cursors();
  publish();
  const auto oldest = reader_.oldest(window_);
  const std::lock_guard lock(board_->mutex);
  board_->oldest = oldest;
}

void runner::settle() {
  std::erase_if(refusals_, [this](const auto& each) { return window_.cursor(each.first) >= each.second.sequence; });
  answer_waiting();
  plan_cursors();
  show();
}

void runner::show() {
  const auto& read = reader_.numbers();
  const bool all_done = opened_ && !behind_ && window_.records() == 0 && read.ahead == 0 && reader_.trouble().empty();
  const std::lock_guard lock(board_->mutex);
  if (all_done) board_->oldest.reset();
  auto& status = board_->status;
  status.published = published_;
  status.window = window_.records();
  status.failures = failures_;
  status.restarts = restarts_;
  status.undecodable = read.undecodable;
  status.skipped = read.skipped;
  status.ahead = read.ahead;
  status.last_failure = !last_failure_.empty() ? last_failure_ : reader_.trouble();
  if (status.last_failure.empty()) status.last_failure = cursors_failure_;
  status.refused = refusals_.empty() ? std::string() : refusals_.begin()->second.sentence;
  if (refusals_.size() > 1) status.refused += " (and " + std::to_string(refusals_.size() - 1) + " more shards)";
  status.cursors.resize(window_.shards());
  for (shard_t shard = 0; shard < window_.shards(); ++shard) status.cursors[shard] = window_.cursor(shard);
}

// --- End
// ---------------------------------------------------------------------------------------------------------------------

void runner::end(std::int64_t deadline_us) {
  ending_ = true;
  std::int64_t left_ms = 0;
  {
    const std::lock_guard lock(board_->working);
    if (board_->stopped) return quit();
    // The rest is for the cursors, which are worth writing even if no broker answers.
    left_ms = std::max<std::int64_t>((deadline_us - plan_.clock.monotonic_us()) / 1000 * 4 / 5, 0);
  }
  // Without the lock: the owner does not wait longer than its deadline for a broker that does not answer.
  if (producer_) producer_->flush(left_ms);
  const std::lock_guard lock(board_->working);
  if (board_->stopped) return quit();
  if (producer_) take_all_reports();
  answer_waiting();
  show();
  leave_when_written();
}

/// A write that is under way may be older than the cursors.
void runner::leave_when_written() {
  if (cursors_.is_writing()) return;
  const bool due = window_.shards() > 0 && cursors_.are_due(window_);
  if (!due) return quit();
  write_cursors_now();
  if (!cursors_.is_writing()) quit();
}

}  // namespace social::kafka::bridging
