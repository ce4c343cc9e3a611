#include "actors/kafka/push/feed_handler.hpp"

#include <algorithm>
#include <chrono>

#include "actors/base/log.hpp"
#include "actors/kafka/push/dead_letter_record.hpp"
#include "actors/kafka/push/event_reading.hpp"
#include "actors/kafka/push/responder.hpp"

namespace social::kafka {
namespace {

constexpr std::int64_t say_every_ms = 30'000;
/// A commit that a broker has not done, and has not refused in time, is made up for.
constexpr std::int64_t commit_all_every_ms = 30'000;

bool contains(const std::vector<topic_partition>& which, const topic_partition& where) {
  return std::ranges::find(which, where) != which.end();
}

std::size_t bytes_of(const received& record) {
  const auto& content = record.content;
  auto sum = sizeof(received) + (content.key ? content.key->size() : 0) + (content.value ? content.value->size() : 0);
  for (const auto& [name, value] : content.headers) sum += sizeof(header) + name.size() + (value ? value->size() : 0);
  return sum;
}

std::string named(const received& record) {
  return record.content.topic + "/" + std::to_string(record.content.partition) + "/" + std::to_string(record.offset);
}

}  // namespace

// --- inbox

void feed_inbox::post(task what) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    tasks_.push_back(std::move(what));
    arrived_.notify_all();
    wake_();
  }
}

std::vector<feed_inbox::task> feed_inbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void feed_inbox::wait(std::int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return !tasks_.empty(); });
}

void feed_inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  tasks_.clear();
}

// --- handler

feed_handler::feed_handler(feed_options options, feed_parts parts, std::function<void()> wake)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      requests_(options_.request_topics.begin(), options_.request_topics.end()),
      inbox_(std::make_shared<feed_inbox>(std::move(wake))),
      revoke_wait_ms_(options_.revoke_wait_ms) {}

feed_handler::~feed_handler() {
  inbox_->close();
}

std::int64_t feed_handler::now_ms() const {
  return parts_.clock->monotonic_us() / 1000;
}

void feed_handler::records(group_control& control, std::vector<received> batch) {
  run_inbox();
  for (auto& record : batch) take(std::move(record));
  start_batch();
  set_flow(control);
  publish();
}

void feed_handler::turn(group_control& control) {
  run_inbox();
  try_again();
  start_batch();
  if (!caught_up_ && catch_up_at_ms_ != 0 && now_ms() >= catch_up_at_ms_) catch_up();
  full_ = parts_.is_full && parts_.is_full();
  set_flow(control);
  if (now_ms() >= commit_at_ms_) commit(control);
  publish();
}

void feed_handler::run_inbox() {
  for (const auto& task : inbox_->take()) task();
}

void feed_handler::take(received record) {
  const auto which = tracker_.begin(record.place(), record.offset, record.time);
  if (!which) return;  // handed over before, or not ours any more
  if (is_request(which->where)) {
    return open_errand({*which, std::make_shared<const received>(std::move(record)), {}, false, letter_part::all, 0});
  }
  auto event = read_event(record);
  if (event) {
    // A time that is to come, or none at all.
    const auto now = parts_.clock->now();
    if (event->time <= 0 || event->time > now) event->time = now;
    waiting_.push_back({*which, std::move(*event)});
    return;
  }
  errand letter{*which, std::make_shared<const received>(std::move(record)), {}, false, letter_part::all, 0};
  become_poison(letter, event.error());
  open_errand(std::move(letter));
}

// --- events

void feed_handler::start_batch() {
  if (!batch_.empty() || waiting_.empty()) return;
  const auto count = std::min(waiting_.size(), options_.group.batch_records_max);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  batch_.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  consume_batch();
}

void feed_handler::consume_batch() {
  std::vector<protocol::push_event> events;
  events.reserve(batch_.size());
  for (const auto& each : batch_) events.push_back(each.event);
  batch_is_outside_ = true;
  parts_.consume(std::move(events), [inbox = inbox_, this](const result<void>& outcome) {
    // `this` lives as long as the inbox runs tasks.
    inbox->post([this, outcome] { batch_ended(outcome); });
  });
}

void feed_handler::batch_ended(const result<void>& outcome) {
  batch_is_outside_ = false;
  if (outcome) {
    for (const auto& each : batch_) tracker_.done(each.which);
    events_ += batch_.size();
    batch_.clear();
    batch_retry_ms_ = 0;
    return;
  }
  failed(outcome.error());
  batch_retry_ms_ = std::clamp(batch_retry_ms_ * 2, options_.retry_ms, options_.retry_max_ms);
  batch_at_ms_ = now_ms() + batch_retry_ms_;
}

// --- requests and dead letters

void feed_handler::open_errand(errand what) {
  auto& open = load_of(what);
  ++open.records;
  open.bytes += bytes_of(*what.what);
  run(std::move(what));
}

void feed_handler::close_errand(const errand& what) {
  auto& open = load_of(what);
  --open.records;
  open.bytes -= bytes_of(*what.what);
}

void feed_handler::become_poison(errand& what, const error& why) {
  what.is_poison = true;
  what.why = why;
  if (poison_line_.is_due())
    log::warning("kafka", "a record cannot be used and goes to its dead letter topic",
                 {{"record", named(*what.what)}, {"reason", why.text()}});
}

void feed_handler::run(errand what) {
  ++outside_[what.which.where];
  if (what.is_poison)
    bury(std::move(what));
  else
    serve(std::move(what));
}

void feed_handler::serve(errand what) {
  const auto request = what.what;
  parts_.serve(*request, [inbox = inbox_, this, what = std::move(what)](const result<void>& outcome) {
    inbox->post([this, what, outcome] { errand_ended(what, outcome); });
  });
}

void feed_handler::bury(errand what) {
  auto letter = dead_letter_of(*what.what, what.why, what.keep);
  parts_.dead_letters->send(std::move(letter),
                            [inbox = inbox_, this, what = std::move(what)](const result<placed>& outcome) {
                              const auto ended = outcome ? result<void>() : result<void>(outcome.error());
                              inbox->post([this, what, ended] { errand_ended(what, ended); });
                            });
}

void feed_handler::errand_ended(errand what, const result<void>& outcome) {
  if (const auto open = outside_.find(what.which.where); open != outside_.end() && --open->second == 0)
    outside_.erase(open);
  if (outcome) {
    if (tracker_.done(what.which) && what.is_poison) ++poison_;
    return close_errand(what);
  }
  if (!tracker_.holds(what.which)) return close_errand(what);  // another process' by now
  if (!what.is_poison && is_poison(outcome.error())) {
    // A request that nobody can be told of: without this it would be neither answered nor aside.
    become_poison(what, outcome.error());
    return run(std::move(what));
  }
  const bool too_large = what.is_poison && outcome.error().code == error_code::invalid_input;
  if (too_large && what.keep != letter_part::place_alone) {
    // With its headers it may be larger than what the broker takes. They say where the record lies.
    what.keep = what.keep == letter_part::all ? letter_part::without_value : letter_part::place_alone;
    return run(std::move(what));
  }
  failed(outcome.error());
  what.retry_ms = std::clamp(what.retry_ms * 2, options_.retry_ms, options_.retry_max_ms);
  resting_.push_back({now_ms() + what.retry_ms, std::move(what)});
}

void feed_handler::try_again() {
  // What went to another process meanwhile is done there.
  const auto gone = [this](const auto& each) { return !tracker_.holds(each.which); };
  if (!batch_.empty() && !batch_is_outside_ && now_ms() >= batch_at_ms_) {
    std::erase_if(batch_, gone);
    if (!batch_.empty()) consume_batch();
  }
  std::vector<errand> due;
  std::erase_if(resting_, [&](resting_errand& each) {
    if (now_ms() < each.at_ms && tracker_.holds(each.what.which)) return false;
    due.push_back(std::move(each.what));
    return true;
  });
  for (auto& each : due) {
    if (tracker_.holds(each.which))
      run(std::move(each));
    else
      close_errand(each);
  }
}

void feed_handler::failed(const error& why) {
  ++failures_;
  last_failure_ = std::string(why.text());
  if (said_at_ms_ != 0 && now_ms() - said_at_ms_ < say_every_ms) return;
  said_at_ms_ = now_ms();
  log::warning("kafka", "what was consumed could not take effect; it is tried again",
               {{"reason", why.text()}, {"failures", failures_}});
}

// --- partitions

void feed_handler::assigned(group_control& control, const std::vector<topic_partition>& which) {
  run_inbox();
  for (const auto& where : which) {
    tracker_.assign(where);
    flows_[where] = flow::paused;
  }
  caught_up_ = false;
  ++assignment_;
  catch_up();
  set_flow(control);
  publish();
}

/// The process that had a partition before may have answered a person who subscribed a moment ago: whoever has it next
/// knows that device before it hears of the next event.
void feed_handler::catch_up() {
  catch_up_at_ms_ = 0;
  parts_.catch_up([inbox = inbox_, this, assignment = assignment_](const result<void>& outcome) {
    inbox->post([this, assignment, outcome] { caught_up(assignment, outcome); });
  });
}

void feed_handler::caught_up(std::uint64_t assignment, const result<void>& outcome) {
  if (assignment != assignment_) return;
  if (outcome) {
    caught_up_ = true;
    return;
  }
  failed(outcome.error());
  catch_up_at_ms_ = now_ms() + options_.retry_ms;
}

void feed_handler::drop_waiting(const std::vector<topic_partition>& which) {
  std::erase_if(waiting_, [&](const auto& each) { return contains(which, each.which.where); });
  if (!batch_is_outside_) std::erase_if(batch_, [&](const auto& each) { return contains(which, each.which.where); });
  std::erase_if(resting_, [&](const resting_errand& each) {
    if (!contains(which, each.what.which.where)) return false;
    close_errand(each.what);
    return true;
  });
}

bool feed_handler::is_outside(const std::vector<topic_partition>& which) const {
  if (batch_is_outside_ &&
      std::ranges::any_of(batch_, [&](const auto& each) { return contains(which, each.which.where); }))
    return true;
  return std::ranges::any_of(which, [&](const auto& where) { return outside_.contains(where); });
}

/// What has not been begun is the next owner's. What is outside may take effect at any moment: it is waited for, so
/// that a clean hand-over doubles nothing.
void feed_handler::revoked(group_control& control, const std::vector<topic_partition>& which, bool lost) {
  run_inbox();
  drop_waiting(which);
  const auto end = now_ms() + revoke_wait_ms_.load();
  while (!lost && is_outside(which) && now_ms() < end) {
    inbox_->wait(end - now_ms());
    run_inbox();
    drop_waiting(which);  // what failed meanwhile
  }
  if (!lost && is_outside(which))
    log::warning("kafka", "partitions go to another process with records under way, which may take effect twice");
  if (!lost) {
    const auto next = tracker_.positions(which);
    if (!next.empty())
      if (const auto done = control.commit(next, true); !done)
        log::warning("kafka", "offsets could not be committed before partitions went away",
                     {{"reason", done.error().text()}});
  }
  for (const auto& where : which) {
    tracker_.forget(where);
    flows_.erase(where);
    behind_since_.erase(where);
  }
  drop_waiting(which);
  publish();
}

void feed_handler::commit(group_control& control) {
  commit_at_ms_ = now_ms() + options_.commit_interval_ms;
  const bool all = commit_all_at_ms_ != 0 && now_ms() >= commit_all_at_ms_;
  if (all || commit_all_at_ms_ == 0) commit_all_at_ms_ = now_ms() + commit_all_every_ms;
  const auto next = all ? tracker_.positions(tracker_.assigned()) : tracker_.committable();
  if (next.empty()) return;
  if (const auto done = control.commit(next, false); done) tracker_.committed(next);
}

}  // namespace social::kafka
