#include "actors/push/lane_actor.hpp"

#include <algorithm>
#include <chrono>

#include "actors/base/json_writer.hpp"

namespace social::push {
namespace {

/// A timer is set for at most this long: the wall clock may be set meanwhile.
constexpr std::int64_t timer_max_ms = 60'000;

}  // namespace

lane_actor::lane_actor(caf::actor_config& cfg, std::shared_ptr<environment> env, id_t number, std::string origin,
                       std::vector<worker_handle> workers, planner_handle planner)
    : super(cfg, *env->node, {"lane", number, 0, 0}),
      env_(std::move(env)),
      lane_(origin, env_->options, env_->needs_subject(origin)),
      allowed_(env_->allowed(origin)),
      workers_(std::move(workers)),
      planner_(std::move(planner)),
      next_sweep_(now()) {
  if (!lane_.stands_still()) next_sweep_ += env_->options.expiry_check_ms;
}

lane_actor::behavior_type lane_actor::make_behavior() {
  idle_since_ = now();
  if (lane_.state() == lane_state::no_subject)
    log::error("push", "deliveries wait until push.subject is set", {{"origin", lane_.origin()}});
  return {
      [this](offer_deliveries& message) {
        for (const auto& entry : message.entries) lane_.offer(entry);
        pump();
      },
      [this](const work_in_store& message) {
        lane_.note_stored(message.due);
        pump();
      },
      [this](const delivery_prepared& message) {
        on_prepared(message.delivery);
        pump();
      },
      [this](const delivery_answered& message) {
        on_answered(message.delivery, *message.answer);
        pump();
      },
      [this](const device_removed& message) {
        on_removed(message);
        pump();
      },
      [this](const settlement_committed& message) {
        on_settled(message);
        pump();
      },
      [this](const rows_loaded& message) {
        if (message.rows->failed)
          lane_.load_failed(now() + env_->options.store_retry_ms);
        else
          lane_.loaded(message.rows->entries, message.rows->more, message.rows->next_due);
        pump();
      },
      [this](const rows_swept& message) {
        on_swept(*message.rows);
        pump();
      },
      [this](retire_lane) {
        retiring_ = true;
        pump();
      },
      [this](look_at_the_clock) {
        wake_at_ = 0;
        pump();
      },
  };
}

void lane_actor::on_exit() {
  env_->numbers.lane_gone(lane_.origin());
  workers_.clear();
  planner_ = nullptr;
  take_in_hand(-in_hand_);
  settlements_.clear();
  super::on_exit();
}

void lane_actor::pump() {
  const auto at = now();
  retry_settlements(at);
  if (!retiring_) {
    while (const auto entry = lane_.next(at)) start(*entry);
    // What a sweep has found expired must not be loaded again before it is gone.
    if (sweep_endings_ == 0) {
      if (const auto what = lane_.wants_load(at)) load(*what);
      if (lane_.stands_still() && at >= next_sweep_) sweep();
    }
    if (const auto when = lane_.wake_at(at)) wake_up_at(*when);
    if (lane_.stands_still() && next_sweep_ > at) wake_up_at(next_sweep_);
  }
  report();
  end_if_done();
}

void lane_actor::end_if_done() {
  const bool busy = lane_.under_way() > 0 || !settlements_.empty();
  if (retiring_) {
    if (busy || lane_.reading()) return;
    // What is in memory is in the store as well.
    const auto queued = lane_.queued() > 0 ? std::optional<timestamp_t>(0) : std::nullopt;
    caf::anon_send(planner_, lane_has_ended{lane_.origin(), queued ? queued : lane_.stored_due()});
    quit();
    return;
  }
  if (busy || !lane_.idle() || lane_.state() == lane_state::key_refused) {
    idle_since_ = now();
  } else if (now() - idle_since_ >= env_->options.lane_idle_ms) {
    idle_since_ = now();
    caf::anon_send(planner_, lane_is_idle{lane_.origin()});
  } else {
    wake_up_at(idle_since_ + env_->options.lane_idle_ms);
  }
}

worker_handle& lane_actor::next_worker() {
  return workers_[next_worker_++ % workers_.size()];
}

void lane_actor::take_in_hand(std::int64_t count) {
  in_hand_ += count;
  env_->numbers.in_hand.fetch_add(count);
}

void lane_actor::start(const lane_entry& entry) {
  take_in_hand();
  const auto self = caf::actor_cast<lane_handle>(this);
  caf::anon_send(next_worker(),
                 prepare_delivery{entry, [self](prepared delivery) {
                                    caf::anon_send(self,
                                                   delivery_prepared{std::make_shared<prepared>(std::move(delivery))});
                                  }});
}

void lane_actor::load(const lane::load& what) {
  const auto self = caf::actor_cast<lane_handle>(this);
  caf::anon_send(next_worker(),
                 load_rows{lane_.origin(), what, [self](loaded_rows rows) {
                             caf::anon_send(self, rows_loaded{std::make_shared<const loaded_rows>(std::move(rows))});
                           }});
}

void lane_actor::sweep() {
  if (!lane_.begin_sweep()) return;
  take_in_hand();
  const auto self = caf::actor_cast<lane_handle>(this);
  caf::anon_send(next_worker(), sweep_rows{lane_.origin(), sweep_after_, [self](swept_rows rows) {
                                             caf::anon_send(self,
                                                            rows_swept{std::make_shared<swept_rows>(std::move(rows))});
                                           }});
}

void lane_actor::on_swept(swept_rows& rows) {
  if (rows.failed) {
    lane_.swept(sweep_first_due_.value_or(0));
    take_in_hand(-1);
    next_sweep_ = now() + env_->options.store_retry_ms;
    return;
  }
  // Parts come in order of time: the first thing that stays is in the first part that has one.
  if (!sweep_first_due_) sweep_first_due_ = rows.first_due;
  for (auto& delivery : rows.expired) {
    if (lane_.is_here(delivery.entry.name)) continue;  // its own way ends it
    settlement s;
    s.delivery = std::make_shared<prepared>(std::move(delivery));
    s.leaves = true;
    s.swept = true;
    s.ended = delivery_result::expired;
    const ending how{delivery_result::expired, 0, 0, "its time ran out", ""};
    s.rows = rows_of_ending(s.delivery->entry, s.delivery->row, how, now());
    ++sweep_endings_;
    take_in_hand();
    settle(std::move(s));
  }
  sweep_after_ = rows.after;
  lane_.swept(rows.after ? std::optional(sweep_first_due_.value_or(0)) : sweep_first_due_);
  take_in_hand(-1);
  if (!rows.after) {
    sweep_first_due_.reset();
    next_sweep_ = now() + env_->options.expiry_check_ms;
  }
}

void lane_actor::wake_up_at(timestamp_t when) {
  if (wake_at_ != 0 && wake_at_ <= when) return;
  wake_at_ = when;
  const auto wait = std::clamp<std::int64_t>(when - now(), 1, timer_max_ms);
  delayed_send(this, std::chrono::milliseconds(wait), look_at_the_clock{});
}

void lane_actor::report() {
  // Under load the numbers change with every message; nobody reads them that often.
  constexpr std::int64_t report_every_ms = 100;
  const bool steady = lane_.state() == reported_state_ && lane_.under_way() > 0;
  if (steady && reported_at_ != 0 && now() - reported_at_ < report_every_ms && now() >= reported_at_) return;
  reported_at_ = now();
  reported_state_ = lane_.state();
  lane_report r;
  r.origin = lane_.origin();
  r.state = lane_.state();
  r.waits_until = lane_.waits_until();
  r.queued = lane_.queued();
  r.under_way = lane_.under_way();
  r.oldest_created = lane_.oldest_created().value_or(0);
  r.work_in_store = lane_.stored_due().has_value() || lane_.reading();
  env_->numbers.report(std::move(r));
}

std::string lane_actor::state_json() const {
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("origin", lane_.origin()).member("state", to_string(lane_.state()));
  if (lane_.state() == lane_state::waiting) writer.time_member("until", lane_.waits_until());
  writer.member("queued", std::uint64_t{lane_.queued()}).member("underWay", std::uint64_t{lane_.under_way()});
  writer.member("beingWritten", std::uint64_t{settlements_.size()}).end_object();
  return out;
}

}  // namespace social::push
