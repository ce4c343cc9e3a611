// A lane's other half: the way of one delivery from the worker to the store.
#include <algorithm>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/push/lane_actor.hpp"

namespace social::push {
namespace {

using outcome = prepared::outcome;
using domain::subscription::endpoint_hash;
using domain::subscription::record_delivery;
using domain::subscription::remove_device;

bool was_removed(const domain::erased& reply) {
  const auto* view =
      std::get_if<domain::subscription::removed_view>(&domain::unerase<domain::subscription::reply>(reply));
  return view != nullptr && view->removed;
}

}  // namespace

// --- a delivery's way

void lane_actor::on_prepared(const delivery_ptr& delivery) {
  const auto& entry = delivery->entry;
  switch (delivery->what) {
    case outcome::send: {
      if (retiring_) return give_back(entry, now());  // its row waits for the next lane
      auto request = std::move(delivery->request);
      const auto self = caf::actor_cast<lane_handle>(this);
      env_->transport->send(std::move(request), [self, delivery](ports::push_answer answer) {
        caf::anon_send(self,
                       delivery_answered{delivery, std::make_shared<const ports::push_answer>(std::move(answer))});
      });
      return;
    }
    case outcome::printed:
      record_success(delivery);
      env_->numbers.answered("console", "printed", "accepted");
      return end(delivery, delivery_result::accepted, "");
    case outcome::absent:
      return on_absent(delivery);
    case outcome::expired:
      return end(delivery, delivery_result::expired, "its time ran out");
    case outcome::device_gone:
      return drop(delivery);
    case outcome::moved:
      return remove_device_of(delivery);
    case outcome::undeliverable:
      return end(delivery, delivery_result::undeliverable, delivery->reason);
    case outcome::store_failed:
      env_->numbers.store_failures.fetch_add(1, std::memory_order_relaxed);
      return give_back(entry, now() + env_->options.store_retry_ms);
  }
}

/// It stays in the store, and is read again.
void lane_actor::give_back(const lane_entry& entry, timestamp_t not_before) {
  lane_.put_back(entry, not_before);
  take_in_hand(-1);
}

/// Answered or put off since it was read; or lost by a store that failed, and then it is about to be planned again
/// under its name: it is looked for once more. When it is still absent then, its place in the order of work is stale.
void lane_actor::on_absent(const delivery_ptr& delivery) {
  constexpr std::size_t remembered_max = 10'000;
  const auto& entry = delivery->entry;
  const auto name = entry.name.text();
  if (absent_once_.erase(name) == 0) {
    if (absent_once_.size() >= remembered_max) absent_once_.clear();  // they are looked for a third time
    absent_once_.insert(name);
    return give_back(entry, now() + env_->options.store_retry_ms);
  }
  settlement s;
  s.delivery = delivery;
  s.rows.push_back({due_key(lane_id(lane_.origin()), entry.due, entry.name), std::nullopt});
  settle(std::move(s));
}

void lane_actor::on_answered(const delivery_ptr& delivery, const ports::push_answer& answer) {
  const auto what = judge(answer, now(), env_->options.ttl_ms);
  const auto& device = delivery->device;
  delivery->status = static_cast<std::uint32_t>(answer.status);
  delivery->latency_ms = answer.latency_us / 1000;
  if (log::enabled(log::level::debug))
    log::debug("push", "answered",
               {{"origin", lane_.origin()},
                {"endpoint", endpoint_digest(device.endpoint)},
                {"event", delivery->row.event_id},
                {"answer", what.word},
                {"body", answer.body},
                {"detail", answer.detail}});
  lane_.answered(what, device.seq, device.vapid_key_id, now(), env_->random->next_64());
  if (lane_.take_alarm())
    log::error("push", "the push service refuses our key: its deliveries wait until the next start",
               {{"origin", lane_.origin()}, {"answer", what.word}});
  count(what, answer);
  switch (what.what) {
    case verdict::accepted:
      record_success(delivery);
      return end(delivery, delivery_result::accepted, "");
    case verdict::gone:
      return remove_device_of(delivery);
    case verdict::refused:
      after_refusal(delivery);
      [[fallthrough]];
    case verdict::too_large:
    case verdict::rejected:
    case verdict::undeliverable:
      return end(delivery, result_of(what.what), "the push service answered " + what.word);
    case verdict::wait:
    case verdict::slow_down:
    case verdict::failed:
      return after_failure(delivery, what);
    case verdict::interrupted:
      return give_back(delivery->entry, now());
  }
}

void lane_actor::count(const judgement& what, const ports::push_answer& answer) {
  if (what.what == verdict::interrupted) return;
  if (answer.status != 0) env_->numbers.answer_took(answer.latency_us);
  const bool again = what.what == verdict::wait || what.what == verdict::slow_down || what.what == verdict::failed;
  const auto kind = what.what == verdict::accepted ? "accepted" : again ? "retried" : "failed";
  env_->numbers.answered(origin_class(lane_.origin(), allowed_), what.word, kind);
}

void lane_actor::after_failure(const delivery_ptr& delivery, const judgement& what) {
  const auto& o = env_->options;
  if (what.what == verdict::wait) {
    const auto at = now() + what.wait_ms;
    return retry(delivery, what.word, at < delivery->row.expires ? std::optional(at) : std::nullopt);
  }
  const auto at = next_attempt(delivery->row.attempts, now(), delivery->row.expires, o.retry_first_ms, o.retry_max_ms,
                               env_->random->next_64());
  retry(delivery, what.word, at);
}

/// Counted durably, because five in a row over a day outlive a process; the rule needs no more precision than that: a
/// count that is lost with a failed command only makes the device live longer.
void lane_actor::after_refusal(const delivery_ptr& delivery) {
  const auto& device = delivery->device;
  const refusal_history history{device.failures + 1, device.first_failure_at.value_or(now()),
                                device.last_success_at.has_value()};
  domain::subscription::command what = record_delivery{device.seq, device.row_version, false};
  if (lane_.may_delete_refused(history, device.seq, device.vapid_key_id, now())) {
    what = remove_device{device.seq, device.row_version, endpoint_hash(device.endpoint)};
    env_->numbers.devices_removed.fetch_add(1, std::memory_order_relaxed);
  }
  command_subscription(*env_, delivery->entry.name.user, std::move(what), [](const auto&) {});
}

/// Sparse: a commit with fsync per delivery would cost more than the delivery. Written when it says something new: the
/// first success, the end of a row of failures, and otherwise at most once per `success_record_ms`.
void lane_actor::record_success(const delivery_ptr& delivery) {
  const auto& device = delivery->device;
  const bool recent = device.last_success_at && now() - *device.last_success_at < env_->options.success_record_ms;
  if (recent && device.failures == 0) return;
  command_subscription(*env_, delivery->entry.name.user, record_delivery{device.seq, device.row_version, true},
                       [](const auto&) {});
}

/// The delivery stays until the removal is durable: should that fail, another try brings another 410.
void lane_actor::remove_device_of(const delivery_ptr& delivery) {
  const auto& device = delivery->device;
  const auto self = caf::actor_cast<lane_handle>(this);
  using domain::subscription::removal;
  const auto why = delivery->what == outcome::moved ? removal::superseded : removal::asked;
  command_subscription(*env_, delivery->entry.name.user,
                       remove_device{device.seq, device.row_version, endpoint_hash(device.endpoint), why},
                       [self, delivery](const result<domain::erased_ptr>& reply) {
                         caf::anon_send(self,
                                        device_removed{delivery, reply.has_value(), reply && was_removed(**reply)});
                       });
}

void lane_actor::on_removed(const device_removed& message) {
  const auto& delivery = message.delivery;
  if (!message.done) {
    const auto at = next_attempt(delivery->row.attempts + 1, now(), delivery->row.expires, env_->options.retry_first_ms,
                                 env_->options.retry_max_ms, env_->random->next_64());
    return retry(delivery, "not-removed", at);
  }
  if (message.was_there) {
    env_->numbers.devices_removed.fetch_add(1, std::memory_order_relaxed);
    log::info("push",
              delivery->what == outcome::moved ? "a device left: its endpoint is another person's"
                                               : "a device left: its push service no longer knows it",
              {{"origin", lane_.origin()}, {"endpoint", endpoint_digest(delivery->device.endpoint)}});
  }
  // A log belongs to a device and went with it.
  if (delivery->what == outcome::moved || message.was_there) return drop(delivery);
  end(delivery, delivery_result::gone, "");
}

// --- its end

void lane_actor::end(const delivery_ptr& delivery, delivery_result result, std::string reason) {
  ending how{result, delivery->status, delivery->latency_ms, std::move(reason), ""};
  if (!delivery->device.endpoint.empty()) how.endpoint_hash = endpoint_digest(delivery->device.endpoint);
  settlement s;
  s.delivery = delivery;
  s.leaves = true;
  s.ended = result;
  s.rows = rows_of_ending(delivery->entry, delivery->row, how, now());
  for (const auto& old : delivery->old_log_rows) s.rows.push_back({old, std::nullopt});
  settle(std::move(s));
}

void lane_actor::drop(const delivery_ptr& delivery) {
  env_->numbers.deliveries_dropped.fetch_add(1, std::memory_order_relaxed);
  settlement s;
  s.delivery = delivery;
  s.leaves = true;
  s.rows = rows_of_dropping(delivery->entry, delivery->row);
  settle(std::move(s));
}

void lane_actor::retry(const delivery_ptr& delivery, std::string_view word, std::optional<timestamp_t> at) {
  if (!at) return end(delivery, delivery_result::expired, "its time ran out; last: " + std::string(word));
  settlement s;
  s.delivery = delivery;
  s.again_at = at;
  s.rows = rows_of_retry(delivery->entry, delivery->row, word, *at);
  settle(std::move(s));
}

void lane_actor::settle(settlement what) {
  const auto number = ++last_settlement_;
  settlements_.emplace(number, std::move(what));
  submit(number);
}

void lane_actor::submit(std::uint64_t number) {
  auto& s = settlements_.at(number);
  auto& journal = *env_->store.log;
  if (!journal.reserve()) {
    s.retry_at = now() + env_->options.store_retry_ms;
    return;
  }
  s.retry_at = 0;
  ports::commit_request request;
  request.shard = shard_of(s.delivery->entry.name.user, journal.shards());
  request.time = now();
  request.trace = s.delivery->row.trace;
  request.rows = s.rows;
  // A power cut may bring the delivery back: then it goes out twice, with the same topic and tag.
  request.may_skip_sync = true;
  const auto self = caf::actor_cast<lane_handle>(this);
  journal.submit(std::move(request), [self, number](const result<std::uint64_t>& written) {
    caf::anon_send(self, settlement_committed{number, written.has_value()});
  });
}

void lane_actor::retry_settlements(timestamp_t at) {
  std::optional<timestamp_t> next;
  for (auto& [number, s] : settlements_) {
    if (s.retry_at != 0 && at >= s.retry_at) submit(number);
    if (s.retry_at != 0) next = std::min(next.value_or(s.retry_at), s.retry_at);
  }
  // Anew in every turn: an earlier timer may have stood in for this one, and each has its own time.
  if (next) wake_up_at(*next);
}

void lane_actor::on_settled(const settlement_committed& message) {
  auto& s = settlements_.at(message.number);
  if (!message.done) {
    // Written or not: the same rows once more make no difference. The delivery is not sent again meanwhile.
    env_->numbers.store_failures.fetch_add(1, std::memory_order_relaxed);
    s.retry_at = now() + env_->options.store_retry_ms;
    return;
  }
  if (s.leaves) env_->numbers.pending.fetch_sub(1, std::memory_order_relaxed);
  if (s.ended && makes_dead_letter(*s.ended)) env_->numbers.dead_letter(*s.ended);
  if (s.swept)
    --sweep_endings_;
  else
    lane_.finished(s.delivery->entry);
  if (s.again_at) lane_.note_stored(*s.again_at);
  settlements_.erase(message.number);
  take_in_hand(-1);  // after it was taken off the count
}

}  // namespace social::push
