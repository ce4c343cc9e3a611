// How an entity looks rows up: its own uncommitted ones first, then the committed store.
#include "actors/aggregates/entity.hpp"

namespace social::aggregates {

/// Memory equals the store while nothing is in flight, unless the store failed: with durability=async even an
/// acknowledged batch may then be missing. Reading again is cheap and spares the next command a refusal.
void entity::forget_if_stale() {
  if (!loaded_ || !flights_.empty() || epoch_ == env_->store.log->epoch()) return;
  forget_state(false);
  forget_children();
}

void entity::forget_state(bool fresh) {
  instance_->forget();
  loaded_ = fresh;
}

void entity::forget_children() {
  for (const auto* list : {&children_, &newborn_children_})
    for (const auto& child : *list) caf::anon_send(child.handle, stop_when_idle{});
  children_.clear();
  newborn_children_.clear();
  child_places_.clear();
}

void entity::load_then_pump() {
  epoch_ = env_->store.log->epoch();  // before the rows are read: a failure in between makes what follows void
  read(instance_->state_keys(origin_.id), [this](const std::vector<std::optional<std::string>>& rows) {
    instance_->load(rows);
    loaded_ = true;
  });
}

/// Uncommitted rows of this entity first, looked at here and now; then the committed store. No command of this entity
/// is decided between this look and `then`, so nothing can slip in between.
void entity::read(std::vector<domain::row_key> keys, continuation then) {
  std::vector<ports::row_value> values(keys.size());
  std::vector<domain::row_key> wanted;
  read_missing_.clear();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto pending = pending_rows_.empty() ? pending_rows_.end() : pending_rows_.find(keys[i]);
    if (pending != pending_rows_.end()) {
      if (pending->second.value) values[i] = {ports::row_value::status::found, *pending->second.value, {}};
      continue;
    }
    values[i] = env_->store.rows->get(keys[i], ports::read_tier::cache_only);
    if (values[i].what != ports::row_value::status::would_block) continue;
    read_missing_.push_back(i);
    wanted.push_back(std::move(keys[i]));
  }
  if (wanted.empty()) return complete_read(std::move(values), then);
  waiting_ = true;
  read_values_ = std::move(values);
  read_then_ = std::move(then);
  caf::anon_send(env_->disk_reader_for(origin_.id),
                 read_rows{std::move(wanted), [self = caf::actor_cast<entity_actor>(this),
                                               token = ++token_](std::vector<ports::row_value> found) {
                             caf::anon_send(self, rows_arrived{token, std::move(found)});
                           }});
}

void entity::on_rows(rows_arrived& message) {
  if (message.token != token_ || !read_then_) return;
  waiting_ = false;
  for (std::size_t i = 0; i < read_missing_.size(); ++i) read_values_[read_missing_[i]] = std::move(message.values[i]);
  const auto then = std::exchange(read_then_, nullptr);
  complete_read(std::exchange(read_values_, {}), then);
  if (!parent_) pump();
}

void entity::complete_read(std::vector<ports::row_value> values, const continuation& then) {
  std::vector<std::optional<std::string>> rows;
  rows.reserve(values.size());
  for (auto& value : values) {
    if (value.what == ports::row_value::status::failed || value.what == ports::row_value::status::would_block) {
      log::error("aggregates", "a row could not be read", {{"actor", whoami()}, {"reason", value.failure.text()}});
      if (child_request_)
        return answer_child_request(std::make_shared<result<step>>(error{error_code::store_unavailable}));
      return finish_front(error{error_code::store_unavailable});
    }
    if (value.what == ports::row_value::status::found)
      rows.emplace_back(std::move(value.bytes));
    else
      rows.emplace_back(std::nullopt);
  }
  then(std::move(rows));
}

}  // namespace social::aggregates
