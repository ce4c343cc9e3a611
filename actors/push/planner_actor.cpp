#include "actors/push/planner_actor.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "actors/base/json_writer.hpp"
#include "actors/push/own_devices.hpp"
#include "actors/push/settlement.hpp"
#include "actors/push/worker.hpp"

namespace social::push {
namespace {

constexpr auto never = std::numeric_limits<timestamp_t>::max();
constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t timer_max_ms = 60'000;
constexpr std::int64_t forget_every_ms = 60'000;
constexpr std::int64_t trim_every_ms = 600'000;

}  // namespace

planner_actor::planner_actor(caf::actor_config& cfg, std::shared_ptr<environment> env, bool detached_workers)
    : super(cfg, *env->node, {"push", 1, 0, 0}), env_(std::move(env)), planner_(*env_->store.rows, env_->options) {
  for (id_t number = 1; number <= env_->options.workers; ++number)
    workers_.push_back(detached_workers ? home_system().spawn<worker, caf::detached>(env_, number)
                                        : home_system().spawn<worker>(env_, number));
}

planner_actor::behavior_type planner_actor::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    on_lane_down(down.source);
    work();
  });
  watcher_ = env_->store.log->watch([self = caf::actor_cast<planner_handle>(this), signal = moved_signal_] {
    if (!signal->exchange(true)) caf::anon_send(self, journal_moved{});
  });
  work();
  return {
      [this](consume_events& message) {
        if (ending_) return message.done->answer(error_code::shutting_down);
        batches_.push_back(std::move(message));
        work();
      },
      [this](const step_committed& message) {
        busy_ = false;
        const auto then = std::exchange(then_, nullptr);
        then(*message.outcome);
        work();
      },
      [this](const reaction_done& message) {
        finish_reaction(message.done);
        work();
      },
      [this](journal_moved) {
        moved_signal_->store(false);
        journal_moved_ = true;
        next_reaction_ = 0;  // of a shard that rests, perhaps not of the one that moved
        work();
      },
      [this](const lane_is_idle& message) {
        if (const auto slot = lanes_.find(message.origin); slot != lanes_.end()) retire(slot->second);
      },
      [this](const lane_has_ended& message) {
        on_lane_ended(message);
        work();
      },
      [this](replay_letter& message) {
        replays_.push_back(std::move(message));
        work();
      },
      [this](const remove_own_device& message) {
        if (ending_) return message.done->answer(error_code::shutting_down);
        remove_device_of(*env_, message);
      },
      [this](clock_was_set) {
        for (auto& [origin, slot] : lanes_) caf::anon_send(slot.handle, look_at_the_clock{});
        work();
      },
      [this](stop_push& message) {
        ending_ = true;
        stopped_ = std::move(message.token);
        for (auto& batch : batches_) batch.done->answer(error_code::shutting_down);
        batches_.clear();
        for (auto& [origin, slot] : lanes_) retire(slot);
        stop_if_done();
      },
      [this](look_at_the_clock) {
        wake_at_ = 0;
        work();
      },
  };
}

void planner_actor::on_exit() {
  if (!ending_) env_->planner_failed = true;
  env_->store.log->unwatch(watcher_);
  for (auto& worker : workers_) caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
  for (auto& [origin, slot] : lanes_) caf::anon_send_exit(slot.handle, caf::exit_reason::kill);
  workers_.clear();
  lanes_.clear();
  batches_.clear();
  replays_.clear();
  then_ = nullptr;
  stopped_.reset();
  super::on_exit();
}

std::string planner_actor::state_json() const {
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("lanes", std::uint64_t{lanes_.size()});
  writer.member("originsWaiting", std::uint64_t{origins_waiting_.size()});
  writer.member("batchesWaiting", std::uint64_t{batches_.size()});
  writer.member("fanOuts", std::uint64_t{jobs_.size()}).member("recovered", recovered_).end_object();
  return out;
}

// --- steps

void planner_actor::work() {
  while (!busy_ && !ending_ && step()) {
  }
  if (ending_) return stop_if_done();
  env_->numbers.fan_outs_waiting = jobs_.size();
  if (!busy_) set_timer();
}

bool planner_actor::step() {
  notice_failed_store();
  if (!recovered_) return recover();
  using step_function = bool (planner_actor::*)();
  static constexpr std::array<step_function, 9> steps = {
      &planner_actor::consume, &planner_actor::end_windows,        &planner_actor::expand_fan_outs,
      &planner_actor::react,   &planner_actor::forget_events,      &planner_actor::trim_dead_letters,
      &planner_actor::replay,  &planner_actor::find_waiting_lanes, &planner_actor::recount};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto next = steps[turn_++ % steps.size()];
    if ((this->*next)()) return true;
  }
  return false;
}

void planner_actor::later(timestamp_t& when, const error& why) {
  env_->numbers.store_failures.fetch_add(1, std::memory_order_relaxed);
  log::warning("push", "the push store cannot be used; it is tried again", {{"reason", why.text()}});
  when = now() + env_->options.store_retry_ms;
}

void planner_actor::commit(std::vector<domain::row_change> rows, bool must_sync, then_function then) {
  busy_ = true;
  then_ = std::move(then);
  const auto self = caf::actor_cast<planner_handle>(this);
  auto answer = [self](result<std::uint64_t> outcome) {
    caf::anon_send(self, step_committed{std::make_shared<const result<std::uint64_t>>(std::move(outcome))});
  };
  auto& journal = *env_->store.log;
  if (!journal.reserve()) return answer(journal.refusal());
  ports::commit_request request;
  request.time = now();
  request.rows = std::move(rows);
  request.epoch = epoch_;
  request.must_sync = must_sync;
  request.may_skip_sync = !must_sync;
  journal.submit(std::move(request), std::move(answer));
}

void planner_actor::commit_plan(plan planned, timestamp_t& next, std::function<void(const plan&)> then) {
  auto rows = std::exchange(planned.changes, {});
  auto kept = std::make_shared<const plan>(std::move(planned));
  commit(std::move(rows), false, [this, kept, &next, then = std::move(then)](const result<std::uint64_t>& outcome) {
    if (!outcome) return later(next, outcome.error());
    carry_out(*kept);
    then(*kept);
  });
}

void planner_actor::carry_out(const plan& done) {
  auto& n = env_->numbers;
  n.events_duplicate += done.duplicates;
  n.events_expired += done.expired;
  n.events_for_nobody += done.nobody;
  n.gathered += done.gathered;
  n.deliveries_planned += done.deliveries.size();
  n.pending += static_cast<std::int64_t>(done.deliveries.size());
  for (const auto end : done.window_ends) next_window_ = std::min(next_window_, end);
  for (const auto& key : done.jobs) {
    if (jobs_.size() < jobs_max)
      jobs_.push_back({key, now(), 0});
    else
      jobs_forgotten_ = true;  // it is in the store
  }
  hand_out(done.deliveries);
}

bool planner_actor::consume() {
  if (batches_.empty()) return false;
  auto batch = std::move(batches_.front());
  batches_.pop_front();
  if (batch.epoch != 0 && batch.epoch != epoch_) {
    batch.done->answer(error_code::store_unavailable);
    return true;
  }
  auto planned = planner_.plan_events(*batch.events, now());
  if (!planned) {
    env_->numbers.store_failures.fetch_add(1, std::memory_order_relaxed);
    batch.done->answer(planned.error());
    return true;
  }
  auto rows = std::exchange(planned->changes, {});
  rows.insert(rows.end(), batch.cursor_rows->begin(), batch.cursor_rows->end());
  auto finish = [this, done = batch.done, count = batch.events->size(),
                 kept = std::make_shared<const plan>(std::move(*planned))](const result<std::uint64_t>& outcome) {
    if (!outcome) return done->answer(outcome.error());
    env_->numbers.events += count;
    carry_out(*kept);
    done->answer(result<void>());
  };
  if (rows.empty())
    finish(std::uint64_t{0});
  else
    commit(std::move(rows), !env_->options.embedded, std::move(finish));
  return true;
}

bool planner_actor::end_windows() {
  if (now() < next_window_) return false;
  auto planned = planner_.plan_ended_windows(now());
  if (!planned) return later(next_window_, planned.error()), false;
  if (planned->changes.empty()) {
    const auto first = env_->store.rows->scan_table(domain::table::gather_due, std::nullopt, everything, 1);
    next_window_ = first.rows.empty() ? never : static_cast<timestamp_t>(first.rows.front().key.a);
    return false;
  }
  commit_plan(std::move(*planned), next_window_, [](const plan&) {});
  return true;
}

bool planner_actor::expand_fan_outs() {
  constexpr std::size_t together_max = 64;
  if (jobs_.empty() && jobs_forgotten_) recover_jobs();
  if (jobs_.empty() || now() < next_fan_out_) return false;
  const auto from = jobs_.front().done_up_to;
  std::vector<domain::row_key> keys;
  for (const auto& j : jobs_)
    if (j.done_up_to == from && keys.size() < together_max) keys.push_back(j.key);
  auto planned = planner_.plan_fan_outs(keys, now());
  if (!planned) return later(next_fan_out_, planned.error()), false;
  commit_plan(std::move(*planned), next_fan_out_, [this, keys](const plan& done) {
    const auto is_ours = [&](const job& j) { return std::ranges::find(keys, j.key) != keys.end(); };
    if (!done.more) std::erase_if(jobs_, is_ours);
    for (auto& j : jobs_)
      if (is_ours(j)) j.done_up_to = done.done_up_to;
  });
  return true;
}

bool planner_actor::forget_events() {
  if (now() < next_forget_) return false;
  auto planned = planner_.plan_forgetting(now());
  if (!planned) return later(next_forget_, planned.error()), false;
  next_forget_ = planned->more ? 0 : now() + forget_every_ms;
  if (planned->changes.empty()) return false;
  commit_plan(std::move(*planned), next_forget_, [](const plan&) {});
  return true;
}

bool planner_actor::trim_dead_letters() {
  const auto& o = env_->options;
  const auto written = env_->numbers.dead_letters_total.load(std::memory_order_relaxed);
  const bool many = written - letters_at_trim_ > o.dead_letters_max / 10;
  if (!many && now() < next_trim_) return false;
  next_trim_ = now() + trim_every_ms;
  letters_at_trim_ = written;
  std::deque<domain::row_key> keys;
  std::optional<domain::row_key> after;
  for (;;) {
    const auto page = env_->store.rows->scan_table(domain::table::dead_letter, after, everything, o.purge_chunk);
    for (const auto& row : page.rows) keys.push_back(row.key);
    if (page.rows.size() < o.purge_chunk) break;
    after = page.rows.back().key;
  }
  if (keys.size() <= o.dead_letters_max) return false;
  std::vector<domain::row_change> rows;
  const auto beyond = keys.size() - o.dead_letters_max;
  rows.reserve(beyond);
  for (std::size_t i = 0; i < beyond; ++i) rows.push_back({keys[i], std::nullopt});
  commit(std::move(rows), false, [this](const result<std::uint64_t>& outcome) {
    if (!outcome) later(next_trim_, outcome.error());
  });
  return true;
}

std::optional<domain::row_key> planner_actor::letter_with_id(const std::string& id) const {
  ports::scan_request request;
  request.where = domain::table::dead_letter;
  request.rows_max = env_->options.dead_letters_max;
  const auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), request.a);
  if (problem != std::errc() || end == id.data() + id.size()) return std::nullopt;
  for (const auto& row : env_->store.rows->scan(request, ports::read_tier::disk).rows)
    if (dead_letter_id(row.key) == id) return row.key;
  return std::nullopt;
}

bool planner_actor::replay() {
  if (replays_.empty()) return false;
  const auto request = std::move(replays_.front());
  replays_.pop_front();
  const auto key = letter_with_id(request.id);
  draft rows(*env_->store.rows);
  const auto letter = key ? rows.get<dead_letter_row>(*key) : std::nullopt;
  if (!letter) return request.done->answer(error{error_code::not_found, "no such dead letter"}), true;
  auto revived = rows_of_replay(*key, *letter, now(), env_->options.ttl_ms);
  if (!revived) return request.done->answer(revived.error()), true;
  auto changes = std::exchange(revived->rows, {});
  commit(std::move(changes), true, [this, request, back = *revived](const result<std::uint64_t>& outcome) {
    if (!outcome) return request.done->answer(outcome.error());
    ++env_->numbers.pending;
    offer(back.origin, {back.entry});
    request.done->answer(result<void>());
  });
  return true;
}

// --- time and end

void planner_actor::set_timer() {
  auto when = std::min({next_window_, next_forget_, next_trim_});
  if (!recovered_) when = next_recover_;
  if (!jobs_.empty()) when = std::min(when, next_fan_out_);
  if (journal_moved_) when = std::min(when, next_reaction_);
  if (!origins_waiting_.empty() || origins_forgotten_) when = std::min(when, next_rescan_);
  if (pending_in_doubt_) when = std::min(when, next_recount_);
  if (wake_at_ != 0 && wake_at_ <= when) return;
  wake_at_ = when;
  const auto wait = std::clamp<std::int64_t>(when - now(), 1, timer_max_ms);
  delayed_send(this, std::chrono::milliseconds(wait), look_at_the_clock{});
}

void planner_actor::stop_if_done() {
  if (!busy_ && lanes_.empty()) quit();
}

}  // namespace social::push
