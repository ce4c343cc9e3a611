#include "actors/kafka/bridge_runner.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "actors/base/json_writer.hpp"
#include "actors/base/log.hpp"

namespace social::kafka::bridging {
namespace {

/// What is read of the journal before the mailbox has its turn: some milliseconds' worth.
constexpr std::size_t pieces_per_turn = 64;
constexpr std::size_t records_per_turn = 4096;
constexpr std::size_t reports_per_turn = 512;
constexpr std::size_t waiting_max = 100'000;
constexpr auto look_around_interval = std::chrono::seconds(1);

std::size_t bytes_of(const record& r) {
  // What librdkafka keeps of a record besides its bytes.
  constexpr std::size_t overhead = 256;
  auto sum = overhead + (r.key ? r.key->size() : 0) + (r.value ? r.value->size() : 0);
  for (const auto& [name, value] : r.headers) sum += name.size() + (value ? value->size() : 0);
  return sum;
}

}  // namespace

runner::runner(caf::actor_config& cfg, runtime::node_context& node, plan with, std::shared_ptr<board> shared,
               std::shared_ptr<void> ticket)
    : super(cfg, node, {"kafka", std::hash<std::string>{}(with.options.name) & 0xffff, 0, 0}),
      plan_(std::move(with)),
      board_(std::move(shared)),
      ticket_(std::move(ticket)),
      reader_(plan_.options, plan_.source, plan_.clock, plan_.project, node),
      cursors_(plan_.options.name, plan_.cursors),
      waiting_(plan_.source.shards()),
      delay_ms_(plan_.options.retry_ms),
      suspects_(plan_.source.shards()) {
  // Here and not in the first message: the depth is true from the start.
  load_cursors();
  show();
}

/// A handler that touches journal, store and clock: not after the owner has said stop.
template <class Message, class Work>
auto runner::guarded(Work work) {
  return [this, work](const Message& message) {
    const std::lock_guard lock(board_->working);
    if (board_->stopped) return;
    work(message);
    settle();
  };
}

runner::behavior_type runner::make_behavior() {
  delayed_send(this, look_around_interval, look_around{});
  return {
      guarded<journal_moved>([this](const auto&) {
        // What is behind goes on by itself.
        if (!behind_ && !is_too_early()) publish();
      }),
      guarded<planned_look>([this](const auto&) {
        look_planned_ = false;
        publish();
      }),
      guarded<reports_came>([this](const auto&) {
        board_->reports = false;
        if (may_wait_for_look() && is_too_early()) return;
        if (behind_) return publish();
        take_reports(reports_per_turn);
      }),
      guarded<go_on>([this](const auto&) {
        going_on_ = false;
        publish();
      }),
      guarded<look_around>([this](const auto&) { look_around_now(); }),
      guarded<topics_exist>([this](const auto&) {
        opened_ = true;
        publish();
      }),
      guarded<try_again>([this](const auto&) {
        resting_ = false;
        publish();
      }),
      guarded<write_cursors>([this](const auto&) {
        write_planned_ = false;
        if (!cursors_.is_writing() && cursors_.are_due(window_)) write_cursors_now();
      }),
      guarded<cursors_written>([this](const cursors_written& message) {
        on_cursors_written(message.outcome);
        if (ending_) message.outcome ? leave_when_written() : quit();
      }),
      guarded<await_published>([this](const await_published& message) {
        if (ending_) return message.reply->answer(error_code::shutting_down);
        if (waiting_count_ >= waiting_max) return message.reply->answer(error_code::overloaded);
        waiting_[message.shard].emplace(message.sequence, message.reply);
        ++waiting_count_;
      }),
      [this](const end_bridge& message) { end(message.deadline_us); },
  };
}

void runner::on_exit() {
  producer_.reset();  // it holds a handle of this actor
  for (auto& of_shard : waiting_)
    for (auto& [sequence, reply] : of_shard) reply->answer(error_code::shutting_down);
  waiting_.clear();
  const std::lock_guard working(board_->working);
  if (!ending_ && !board_->stopped) {
    const std::lock_guard lock(board_->mutex);
    board_->status.last_failure = "the bridge has ended before it was told to";
  }
  ticket_.reset();
  super::on_exit();
}

std::string runner::state_json() const {
  std::string out;
  json_writer(out)
      .begin_object()
      .member("name", plan_.options.name)
      .member("open", opened_)
      .member("window", static_cast<std::uint64_t>(window_.records()))
      .member("windowBytes", static_cast<std::uint64_t>(window_.bytes()))
      .member("published", published_)
      .member("resting", resting_)
      .end_object();
  return out;
}

// --- Sending
// -----------------------------------------------------------------------------------------------------------------

void runner::publish() {
  if (!opened_ || ending_ || resting_ || window_.shards() == 0) return;
  if (!producer_ && !make_producer()) return;
  // From here on events are signalled again; until a look they are not, or every commit would wake this thread.
  board_->moved = false;
  const auto sent_before = sent_;
  if (!behind_) look_from_ = sent_;
  for (std::size_t pieces = 0;; ++pieces) {
    behind_ = true;
    if (!send_piece()) return;  // reports make room
    if (pieces == pieces_per_turn || sent_ - sent_before >= records_per_turn) return continue_later();
    if (!reader_.take_piece(window_)) break;
    last_found_us_ = plan_.clock.monotonic_us();
  }
  behind_ = false;
  take_reports(reports_per_turn);
  if (resting_) return;
  const auto least = plan_.options.pull_interval_ms;
  const auto most = std::max(least, plan_.options.pull_interval_max_ms);
  pause_ms_ = std::clamp(static_cast<std::int64_t>(sent_ - look_from_), least, most);
}

/// False: there is no room for all of it, or this life of the producer is over.
bool runner::send_piece() {
  while (const auto* next = reader_.front()) {
    if (sent_ >= take_reports_at_) {
      take_reports_at_ = sent_ + plan_.options.reports_at_once;
      take_reports(plan_.options.reports_at_once);
      if (resting_) return false;
    }
    if (has_room(*next) && send(*next)) {
      reader_.pop(window_);
      ++sent_;
    } else if (resting_ || take_reports(plan_.options.reports_at_once) == 0 || resting_) {
      return false;
    }
  }
  return true;
}

bool runner::has_room(const publication& next) const {
  if (alone_ || next.sequence <= suspects_[reader_.shard()]) return window_.records() == 0;
  return window_.records() < plan_.options.window_records_max && window_.bytes() < plan_.options.window_bytes_max;
}

bool runner::send(const publication& next) {
  const auto shard = reader_.shard();
  switch (producer_->push(next.what, window_.next_token(shard))) {
    case producer::taken::full:
      return false;
    case producer::taken::rejected:
      return stop_at(next, producer_->why_rejected());
    case producer::taken::queued:
      break;
  }
  window_.sent(shard, next.sequence, bytes_of(next.what));
  if (next.sequence <= suspects_[shard]) alone_ = next.what.topic;
  return true;
}

/// The producer does not take it. What was sent before it comes to its end first; false, because nothing follows.
bool runner::stop_at(const publication& next, const error& why) {
  const auto shard = reader_.shard();
  suspects_[shard] = std::max(suspects_[shard], next.sequence);
  if (window_.records() > 0) return false;
  ++failures_;
  failed_ = trouble{shard, next.sequence};
  note_refusal(next.what.topic, shard, next.sequence, why);
  restart(why);  // other shards go on; `next` is gone
  return false;
}

/// The limits of what people may write keep every record far below those of Kafka, so a limit was set too low there, or
/// this is a defect of ours. Either is mended by somebody, and then the outbox goes on; a record that is left behind is
/// lost.
void runner::note_refusal(const std::string& topic, shard_t shard, std::uint64_t sequence, const error& why) {
  const auto id = std::to_string(shard) + "-" + std::to_string(sequence);
  auto& refused = refusals_[shard];
  const bool is_known = refused.sequence == sequence;
  refused = {sequence, topic + ", event " + id + ": " + std::string(why.text())};
  if (is_known) return;
  log::error("kafka", "Kafka refuses a record; nothing behind it is published before it is taken",
             {{"outbox", plan_.options.name}, {"topic", topic}, {"event", id}, {"reason", why.text()}});
  context().dead_letters.add({context().now(), "record_rejected", "kafka/" + plan_.options.name,
                              topic + " " + id + ": " + std::string(why.text())});
}

bool runner::make_producer() {
  auto made = plan_.make([board = board_, self = caf::actor_cast<bridge_actor>(this)] {
    if (!board->reports.exchange(true)) caf::anon_send(self, reports_came{});
  });
  if (!made) {
    note_failure(made.error());
    return false;
  }
  producer_ = std::move(*made);
  return true;
}

/// One that comes too early is made up for at the end of the interval.
bool runner::is_too_early() {
  const auto left_us = last_found_us_ + pause_ms_ * 1000 - plan_.clock.monotonic_us();
  if (left_us <= 0 || last_found_us_ == 0) return false;
  if (!std::exchange(look_planned_, true)) delayed_send(this, std::chrono::microseconds(left_us), planned_look{});
  return true;
}

bool runner::may_wait_for_look() const {
  return !behind_ && !ending_ && waiting_count_ == 0 && window_.records() > plan_.options.reports_wait_above;
}

void runner::continue_later() {
  if (!std::exchange(going_on_, true)) caf::anon_send(caf::actor_cast<bridge_actor>(this), go_on{});
}

// --- What became of it
// -------------------------------------------------------------------------------------------------------

std::size_t runner::take_reports(std::size_t max) {
  if (!producer_) return 0;
  reports_.clear();
  producer_->collect(reports_, max);
  for (const auto& report : reports_) take(report);
  if (!failed_) {
    if (const auto fatal = producer_->fatal()) {
      failed_ = trouble{};
      why_failed_ = *fatal;
    }
  }
  const auto taken = reports_.size();
  if (failed_)
    restart(why_failed_);
  else if (taken == max && !board_->reports.exchange(true))
    caf::anon_send(caf::actor_cast<bridge_actor>(this), reports_came{});
  return taken;
}

void runner::take_all_reports() {
  do {
    reports_.clear();
    producer_->collect(reports_, reports_per_turn);
    for (const auto& report : reports_) take(report);
  } while (!reports_.empty());
}

void runner::take(const delivery_report& report) {
  const auto shard = publish_window::shard_of(report.token);
  const auto sequence = window_.sequence_of(report.token);
  if (sequence == 0) return;
  if (report.outcome) {
    ++published_;
    window_.acknowledged(report.token);
    note_success();
  } else {
    ++failures_;
    // A broker refuses a whole batch for one of its records: which one shows when each travels alone.
    if (report.outcome.error().code == error_code::invalid_input) {
      suspects_[shard] = std::max(suspects_[shard], sequence);
      if (alone_) note_refusal(*alone_, shard, sequence, report.outcome.error());
    }
    if (!failed_) {
      failed_ = trouble{shard, sequence};
      why_failed_ = report.outcome.error();
    }
  }
  if (window_.records() == 0) alone_.reset();
}

/// What has been acknowledged counts; everything else is sent again by the next producer, from the cursors on.
void runner::restart(const error& why) {
  take_all_reports();
  producer_.reset();
  window_.restart();
  reader_.drop();
  alone_.reset();
  ++restarts_;
  note_failure(why);
}

void runner::note_failure(const error& why) {
  if (!trouble_)
    log::warning("kafka", "publishing failed; it goes on from the cursors with a new producer",
                 {{"outbox", plan_.options.name}, {"reason", why.text()}, {"delay_ms", delay_ms_}});
  trouble_ = failed_.value_or(trouble{});
  failed_.reset();
  last_failure_ = why.text();
  behind_ = true;
  resting_ = true;
  delayed_send(this, std::chrono::milliseconds(delay_ms_), try_again{});
  delay_ms_ = std::min(delay_ms_ * 2, plan_.options.retry_max_ms);
}

/// The record that failed last has to be through: one that fails again and again is one trouble, however many others
/// are acknowledged meanwhile.
void runner::note_success() {
  if (!trouble_ || (trouble_->sequence != 0 && window_.cursor(trouble_->shard) < trouble_->sequence)) return;
  trouble_.reset();
  delay_ms_ = plan_.options.retry_ms;
  last_failure_.clear();
  log::info("kafka", "publishing works again", {{"outbox", plan_.options.name}});
}

void runner::answer_waiting() {
  for (shard_t shard = 0; waiting_count_ > 0 && shard < window_.shards(); ++shard) {
    auto& of_shard = waiting_[shard];
    const auto cursor = window_.cursor(shard);
    const bool stands = reader_.is_ahead(shard) || refusals_.contains(shard);
    while (!of_shard.empty() && (of_shard.begin()->first <= cursor || stands)) {
      const bool is_there = of_shard.begin()->first <= cursor && !reader_.is_ahead(shard);
      const auto reply = std::move(of_shard.begin()->second);
      of_shard.erase(of_shard.begin());
      --waiting_count_;
      if (is_there)
        reply->answer({});
      else if (reader_.is_ahead(shard))
        reply->answer(
            error{error_code::unavailable, "the outbox of the shard stands: its cursor is ahead of the journal"});
      else
        reply->answer(error{error_code::unavailable, "the outbox of the shard stands at a record that Kafka refuses"});
    }
  }
}

}  // namespace social::kafka::bridging
