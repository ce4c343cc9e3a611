// Children: a comment decides about itself, and its post commits both parts in one batch.
#include <algorithm>
#include <cassert>

#include "actors/aggregates/entity.hpp"

namespace social::aggregates {

entity::child_entry& entity::child_for(const domain::child_command& command) {
  if (const auto known = child_places_.find(command.id); known != child_places_.end()) {
    auto& child = *known->second;
    children_.splice(children_.end(), child.newborn ? newborn_children_ : children_, known->second);
    child.newborn = false;
    return child;
  }
  auto handle = take_spare_child(command);
  if (!handle) {
    entity_origin origin{command.kind, command.id, origin_.shard, 0, command.fresh, nullptr};
    handle =
        home_system().spawn<entity>(env_, std::move(origin), shard_internals(), caf::actor_cast<entity_actor>(this));
  }
  auto& list = command.fresh ? newborn_children_ : children_;
  // One that was another has no step in flight: all that we asked it so far is durable.
  list.push_back({command.id, command.kind, std::move(handle), 0, token_, command.fresh});
  child_places_[command.id] = std::prev(list.end());
  return list.back();
}

/// At the limit the longest unused child makes room, unless it has a step in flight. It is idle then, though it may not
/// know yet that its last step is durable: it may become the new child, which costs far less than an actor that ends
/// and one that begins. Two leave at once, so that the children of a burst become fewer again. New children that nobody
/// has used since have a limit of their own, a quarter of it, and leave first: most are never asked for again.
entity_actor entity::take_spare_child(const domain::child_command& wanted) {
  const auto most = env_->limits.children_max;
  const auto most_newborn = std::max<std::size_t>(most / 4, 1);
  entity_actor spare;
  for (int left = 2; left > 0; --left) {
    const bool full = child_places_.size() >= most || (wanted.fresh && newborn_children_.size() >= most_newborn);
    const auto idle = [](const child_list& list) { return !list.empty() && list.front().steps_in_flight == 0; };
    if (!full || !(idle(newborn_children_) || idle(children_))) break;
    auto oldest = std::move((idle(newborn_children_) ? newborn_children_ : children_).front());
    forget_child(oldest.id);
    if (!spare && oldest.kind == wanted.kind)
      spare = std::move(oldest.handle);
    else
      caf::anon_send(oldest.handle, stop_when_idle{});
  }
  return spare;
}

void entity::forget_child(id_t id) {
  const auto place = child_places_.find(id);
  if (place == child_places_.end()) return;
  (place->second->newborn ? newborn_children_ : children_).erase(place->second);
  child_places_.erase(place);
}

void entity::forget_ended_child(caf::actor_id actor) {
  for (const auto* list : {&children_, &newborn_children_}) {
    const auto child = std::find_if(list->begin(), list->end(), [&](const auto& c) { return c.handle.id() == actor; });
    if (child != list->end()) return forget_child(child->id);
  }
}

void entity::become_child(id_t id, bool fresh) {
  assert(pending_rows_.empty() && !waiting_ && !stopping_ && !void_);
  origin_.id = id;
  forget_state(fresh);
  rename(id);
}

void entity::ask_child(waiting_command& command) {
  const auto& wanted = *command.decided->child;
  // One that failed may start again only after the last batch it had a part in: it would not know of it.
  const bool unresolved = !wanted.fresh && !child_places_.contains(wanted.id) &&
                          std::any_of(flights_.begin(), flights_.end(),
                                      [&](const in_flight& flight) { return flight.child.id == wanted.id; });
  if (unresolved) {
    env_->store.log->release();
    return finish_front(error{error_code::internal, "this actor has failed"});
  }
  waiting_ = true;
  const auto& child = child_for(wanted);
  asked_child_ = child.handle.id();
  caf::anon_send(child.handle, decide_for_parent{++token_, child.durable, wanted.id, command.message.context,
                                                 wanted.command, wanted.fresh});
}

void entity::on_child_decided(decided_for_parent& message) {
  // A child that ended says so once, whether it was asked something or not; it may not know what it was asked.
  if (message.ended != 0) forget_ended_child(message.ended);
  if (asked_child_ == 0 || (message.token != token_ && message.ended != asked_child_)) return;
  asked_child_ = 0;
  waiting_ = false;
  auto& front = queue_.front();
  auto& outcome = *message.outcome;
  const auto child_id = front.decided->child->id;
  if (!outcome || void_) {
    env_->store.log->release();
    finish_front(outcome ? error{error_code::store_unavailable} : outcome.error());
    return pump();
  }
  auto own = carry_out(front);
  for (auto& event : outcome->events) own.events.push_back(std::move(event));
  for (auto& row : outcome->rows) own.rows.push_back(std::move(row));
  own.reply = std::move(outcome->reply);
  auto& child = *child_places_.at(child_id);
  ++child.steps_in_flight;
  submit(front.message, std::move(own), {child.handle, child.kind, child_id, message.token});
  queue_.pop_front();
  pump();
}

void entity::on_child_request(decide_for_parent& request) {
  assert(parent_ && !child_request_);
  std::erase_if(pending_rows_, [&](const auto& row) { return row.second.number <= request.durable; });
  if (request.child != origin_.id) become_child(request.child, request.fresh);
  child_request_ = std::move(request);
  child_request_->context.self = origin_.id;
  const auto decide = [this] {
    std::vector<domain::row_key> keys;
    instance_->lookups(*child_request_->command, child_request_->context, keys);
    read(std::move(keys), [this](std::vector<std::optional<std::string>> rows) {
      const domain::facts facts(std::move(rows));
      auto decided = instance_->decide(*child_request_->command, child_request_->context, facts);
      if (!decided) return answer_child_request(std::make_shared<result<step>>(decided.error()));
      auto done = instance_->carry_out(**decided, *child_request_->command, child_request_->context, facts);
      for (const auto& row : done.rows)
        if (instance_->looks_back(row.key)) pending_rows_[row.key] = {child_request_->token, row.value};
      answer_child_request(std::make_shared<result<step>>(std::move(done)));
    });
  };
  if (loaded_) return decide();
  read(instance_->state_keys(origin_.id), [this, decide](const std::vector<std::optional<std::string>>& rows) {
    instance_->load(rows);
    loaded_ = true;
    decide();
  });
}

void entity::answer_child_request(std::shared_ptr<result<step>> outcome) {
  if (!parent_ || !child_request_) return;
  caf::anon_send(parent_, decided_for_parent{child_request_->token, std::move(outcome), false});
  child_request_.reset();
  stop_if_done();
}

}  // namespace social::aggregates
