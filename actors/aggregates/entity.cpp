#include "actors/aggregates/entity.hpp"

#include <algorithm>
#include <cassert>

namespace social::aggregates {

using protocol::command_message;
using protocol::command_result;

namespace {
/// Such a child has nobody to tell.
constexpr auto gone_with_its_parent = caf::exit_reason::user_shutdown;
}  // namespace

entity::entity(caf::actor_config& cfg, std::shared_ptr<const environment> env, entity_origin origin,
               shard_internals shard, entity_actor parent)
    : super(cfg, *env->node,
            {env->kinds.find(origin.kind)->name, origin.id, origin.shard, env->limits.entity_mailbox_max}),
      env_(std::move(env)),
      origin_(std::move(origin)),
      kind_(*env_->kinds.find(origin_.kind)),
      shard_(std::move(shard)),
      parent_(std::move(parent)),
      instance_(kind_.make()),
      loaded_(origin_.fresh),
      epoch_(env_->store.log->epoch()) {}

entity::behavior_type entity::make_behavior() {
  return {
      [this](const commit_done& message) { on_commit_done(message); },
      [this](command_message& message) { on_command(message); },
      [this](decide_for_parent& message) { on_child_request(message); },
      [this](decided_for_parent& message) { on_child_decided(message); },
      [this](rows_arrived& message) { on_rows(message); },
      [this](parent_failed) {
        void_ = true;
        stop_if_done();
      },
      [this](take_over& message) { on_take_over(message); },
      [this](stop_when_idle) {
        if (parent_) pending_rows_.clear();
        stopping_ = true;
        stop_if_done();
      },
  };
}

void entity::on_exit() {
  unlist();
  // A command that waits for a child has a place in the commit queue.
  if (waiting_ && !queue_.empty() && queue_.front().decided) env_->store.log->release();
  // Nothing of what still waits was done; what is in flight answers outcome_unknown through its slot.
  for (auto& command : queue_) command.message.reply->answer(error_code::internal);
  if (crashed_ && parent_ && fail_state() != gone_with_its_parent)
    caf::anon_send(parent_, decided_for_parent{0, std::make_shared<result<step>>(error{error_code::internal}), id()});
  if (crashed_ && origin_.vitals) origin_.vitals->crashed = true;
  if (shard_) caf::anon_send(shard_, entity_gone{origin_.kind, origin_.id, origin_.incarnation, crashed_, id()});
  // What children decided with a crashed parent will never be resolved for them.
  for (const auto* list : {&children_, &newborn_children_})
    for (const auto& child : *list) caf::anon_send_exit(child.handle, gone_with_its_parent);
  queue_.clear();
  flights_.clear();
  children_.clear();
  newborn_children_.clear();
  child_places_.clear();
  read_then_ = nullptr;
  shard_ = nullptr;
  parent_ = nullptr;
  super::on_exit();
}

std::string entity::state_json() const {
  return instance_->redacted();
}

bool entity::shed(caf::type_erased_tuple& content) {
  if (content.size() != 1 || !content.match_element<command_message>(0)) return false;
  content.get_mutable_as<command_message>(0).reply->answer(error_code::overloaded);
  context().dead_letters.add({context().now(), "mailbox_full", whoami(), "command_message"});
  return true;
}

// --- commands
// ---------------------------------------------------------------------------------------------------------

void entity::on_command(command_message& message) {
  ++received_;
  if (void_) return message.reply->answer(error_code::store_unavailable);
  if (queue_.size() >= env_->limits.entity_queue_max) {
    stats().shed.fetch_add(1, std::memory_order_relaxed);
    context().dead_letters.add({context().now(), "queue_full", whoami(), "command_message"});
    return message.reply->answer(error_code::overloaded);
  }
  queue_.push_back({std::move(message), {}, nullptr});
  pump();
}

void entity::pump() {
  while (!waiting_ && !void_ && !queue_.empty()) step_front();
  stop_if_done();
}

void entity::step_front() {
  forget_if_stale();
  if (!loaded_) return load_then_pump();
  auto& front = queue_.front().message;
  const bool named = front.context.idempotency.given();
  std::vector<domain::row_key> keys;
  if (named) domain::append_idempotency_keys(front.context, env_->clock->now(), keys);
  instance_->lookups(*front.command, front.context, keys);
  if (keys.empty()) return decide_front({});
  read(std::move(keys), [this, named](std::vector<std::optional<std::string>> rows) {
    named ? decide_unless_repeated(std::move(rows)) : decide_front(domain::facts(std::move(rows)));
  });
}

void entity::decide_front(domain::facts facts) {
  if (void_) return finish_front(error{error_code::store_unavailable});
  auto& front = queue_.front();
  front.facts = std::move(facts);
  auto& message = front.message;
  auto decided = instance_->decide(*message.command, message.context, front.facts);
  if (!decided) return finish_front(decided.error());
  front.decided = std::move(*decided);
  // Under a key even an outcome that changed nothing is kept: its repeat must not change something later.
  if (!front.decided->changes && !front.decided->child && !message.context.idempotency.given())
    return finish_front(instance_->answer(*message.command, message.context, front.facts));
  if (!env_->store.log->reserve()) return refuse_front(env_->store.log->refusal());
  if (front.decided->child) return ask_child(front);
  decide_planned(front);
}

/// A full commit queue sheds the command; a store that takes nothing is no overload.
void entity::refuse_front(error why) {
  if (why.code == error_code::overloaded)
    context().dead_letters.add({context().now(), "commit_queue_full", whoami(), "command_message"});
  finish_front(std::move(why));
}

step entity::carry_out(waiting_command& command) {
  try {
    const auto& message = command.message;
    return instance_->carry_out(*command.decided, *message.command, message.context, command.facts);
  } catch (...) {
    env_->store.log->release();
    throw;
  }
}

void entity::decide_planned(waiting_command& command) {
  submit(command.message, carry_out(command), child_part());
  queue_.pop_front();
}

/// Refusals and replies that changed nothing rest on what is in flight: they leave after it.
void entity::finish_front(command_result outcome) {
  auto reply = std::move(queue_.front().message.reply);
  queue_.pop_front();
  if (flights_.empty())
    reply->answer(std::move(outcome));
  else
    flights_.back().after.emplace_back(std::move(reply), std::move(outcome));
}

void entity::submit(command_message& message, step done, child_part child) {
  ports::commit_request request;
  request.shard = origin_.shard;
  request.time = message.context.now;
  request.trace = message.context.trace;
  request.events = std::move(done.events);
  request.epoch = epoch_;
  request.must_sync = env_->limits.must_sync;
  if (message.context.idempotency.given())
    done.rows.push_back(outcome_row(message.context, child.id != 0 ? child.kind : kind_.kind, *done.reply));
  const auto number = next_number_++;
  flights_.push_back({number, std::move(message.reply), std::move(done.reply), std::move(child), {}, {}, {}});
  keep_pending(number, done.rows, flights_.back().rows);
  request.rows = std::move(done.rows);
  origin_.vitals->in_flight.fetch_add(1);
  env_->store.log->submit(std::move(request), [self = entity_actor(caf::actor_cast<entity_actor>(this)), shard = shard_,
                                               number, vitals = origin_.vitals, kind = origin_.kind, id = origin_.id,
                                               incarnation = origin_.incarnation, hold = std::move(message.hold)](
                                                  const result<std::uint64_t>& outcome) mutable {
    caf::anon_send(self, commit_done{number, outcome ? std::nullopt : std::optional(outcome.error())});
    hold.reset();  // here, not whenever the queue forgets this function
    if (vitals->in_flight.fetch_sub(1) == 1 && vitals->crashed)
      caf::anon_send(shard, entity_resolved{kind, id, incarnation});
  });
}

void entity::keep_pending(std::uint64_t number, const std::vector<domain::row_change>& rows,
                          std::vector<const domain::row_key*>& kept) {
  for (const auto& row : rows) {
    if (row.key.where != domain::table::idempotency && !instance_->looks_back(row.key)) continue;
    const auto at = pending_rows_.try_emplace(row.key).first;
    if (at->second.number != number) kept.push_back(&at->first);
    at->second = {number, row.value};
  }
}

void entity::on_take_over(take_over& message) {
  assert(pending_rows_.empty() && !waiting_ && !stopping_ && !void_ && queue_.empty() && flights_.empty());
  assert(message.origin.kind == origin_.kind && message.origin.shard == origin_.shard);
  forget_children();
  origin_ = std::move(message.origin);
  received_ = 0;
  epoch_ = env_->store.log->epoch();
  forget_state(origin_.fresh);
  rename(origin_.id);
}

// --- commits
// ----------------------------------------------------------------------------------------------------------

void entity::on_commit_done(const commit_done& message) {
  const auto flight =
      std::find_if(flights_.begin(), flights_.end(), [&](const in_flight& f) { return f.number == message.number; });
  if (flight == flights_.end()) return;
  flight->done = message;
  // Usually in order; a store that refuses one request may do so before it answers for those ahead of it.
  while (!flights_.empty() && flights_.front().done) resolve_front();
  stop_if_done();
}

void entity::resolve_front() {
  auto flight = std::move(flights_.front());
  flights_.pop_front();
  for (const auto* key : flight.rows) {
    const auto row = pending_rows_.find(*key);
    assert(row != pending_rows_.end());
    if (row->second.number == flight.number) pending_rows_.erase(row);  // else a later one has written it again
  }
  resolve(flight, flight.done->failure);
  if (flight.done->failure) drop_speculative_state(*flight.done->failure);
}

void entity::resolve(in_flight& flight, const std::optional<error>& failure) {
  if (flight.child.handle) {
    if (failure) caf::anon_send(flight.child.handle, parent_failed{});
    // One that has failed since is not ours any more.
    if (const auto place = child_places_.find(flight.child.id); place != child_places_.end()) {
      --place->second->steps_in_flight;
      if (!failure) place->second->durable = flight.child.token;
    }
  }
  if (failure) {
    flight.reply->answer(*failure);
    for (auto& [reply, outcome] : flight.after) reply->answer(error_code::store_unavailable);
    return;
  }
  flight.reply->answer(std::move(flight.answer));
  for (auto& [reply, outcome] : flight.after) reply->answer(std::move(outcome));
}

void entity::drop_speculative_state(const error& why) {
  if (!void_)
    log::warning("aggregates", "an entity drops speculative state", {{"actor", whoami()}, {"reason", why.text()}});
  void_ = true;
  if (waiting_) return;  // the front command is with a child or a reader; it is refused when that answers
  for (auto& command : queue_) command.message.reply->answer(error_code::store_unavailable);
  queue_.clear();
}

void entity::stop_if_done() {
  if (!stopping_ && !void_) {
    if (origin_.vitals && !waiting_ && queue_.empty() && flights_.empty())
      origin_.vitals->idle_after.store(received_, std::memory_order_release);
    return;
  }
  if (void_ && !waiting_) {
    for (auto& command : queue_) command.message.reply->answer(error_code::store_unavailable);
    queue_.clear();
  }
  if (waiting_ || !queue_.empty() || !flights_.empty() || child_request_) return;
  if (!stopping_ && shard_) {
    if (!std::exchange(void_told_, true))
      caf::anon_send(shard_, entity_void{origin_.kind, origin_.id, origin_.incarnation});
    return;
  }
  crashed_ = false;
  quit();
}

}  // namespace social::aggregates
