#include "actors/aggregates/shard.hpp"

#include <algorithm>

#include "actors/base/json_writer.hpp"

namespace social::aggregates {

using protocol::command_message;

namespace {
constexpr auto tick_interval = std::chrono::seconds(1);
/// Entities looked at for one that may be taken over: those that stop already stay in their list until they are gone.
constexpr int looks_for_room = 16;
/// Leave for one new entity while there are too many.
constexpr int leave_for_one = 2;
}  // namespace

shard::shard(caf::actor_config& cfg, std::shared_ptr<const environment> env, shard_t number)
    : super(cfg, *env->node, {env->prefix + "shard", number, number, env->limits.shard_mailbox_max}),
      env_(std::move(env)),
      number_(number) {}

shard::behavior_type shard::make_behavior() {
  delayed_send(this, tick_interval, shard_tick{});
  return {
      [this](command_message& message) { on_command(message); },
      [this](const entity_gone& message) { on_gone(message); },
      [this](const entity_resolved& message) {
        const auto it = entities_.find({message.kind, message.id});
        if (it == entities_.end() || it->second.incarnation != message.incarnation) return;
        if (it->second.now == phase::draining) on_crash(it);
        finish_if_stopped();
      },
      [this](const entity_void& message) {
        const auto it = entities_.find({message.kind, message.id});
        if (it == entities_.end() || it->second.incarnation != message.incarnation) return;
        if (it->second.now == phase::live) stop_entity(it->second);
      },
      [this](const unique_key_free& message) { on_key_free(message.key); },
      [this](const ids_refilled& message) { on_ids(message); },
      [this](shard_tick) { on_tick(); },
      [this](stop_shard& message) {
        stopping_ = true;
        stopped_ = std::move(message.stopped);
        for (auto& [key, e] : entities_)
          if (e.now == phase::live) stop_entity(e);
        finish_if_stopped();
      },
  };
}

void shard::on_exit() {
  const auto refuse = [](std::deque<command_message>& commands) {
    for (auto& command : commands) command.reply->answer(error_code::shutting_down);
  };
  for (auto& [key, e] : entities_) {
    refuse(e.waiting);
    // Only when the deadline of a stop has passed: what they have in flight is answered outcome_unknown.
    if (e.handle) caf::anon_send_exit(e.handle, caf::exit_reason::kill);
  }
  for (auto& [key, commands] : unique_keys_) refuse(commands);
  for (auto& [kind, commands] : for_ids_) refuse(commands);
  entities_.clear();
  unique_keys_.clear();
  for_ids_.clear();
  stopped_.reset();
  super::on_exit();
}

std::string shard::state_json() const {
  std::string out;
  json_writer json(out);
  json.begin_object()
      .member("entities", static_cast<std::uint64_t>(entities_.size()))
      .member("waiting", static_cast<std::uint64_t>(waiting_))
      .member("uniqueKeysHeld", static_cast<std::uint64_t>(unique_keys_.size()))
      .member("journalHead", env_->store.log->head(number_))
      .end_object();
  return out;
}

bool shard::shed(caf::type_erased_tuple& content) {
  if (content.size() != 1 || !content.match_element<command_message>(0)) return false;
  content.get_mutable_as<command_message>(0).reply->answer(error_code::overloaded);
  context().dead_letters.add({context().now(), "mailbox_full", whoami(), "command_message"});
  return true;
}

// --- commands
// ---------------------------------------------------------------------------------------------------------

void shard::on_command(command_message& message) {
  if (stopping_) return message.reply->answer(error_code::shutting_down);
  const auto* kind = env_->kinds.find(message.kind);
  if (kind == nullptr) return message.reply->answer(error_code::unavailable);
  if (!hold_unique_key(message, *kind)) return;
  if (give_ids(message, *kind)) route(message, *kind);
}

bool shard::wait_place(command_message& message) {
  if (waiting_ >= env_->limits.shard_waiting_max) {
    stats().shed.fetch_add(1, std::memory_order_relaxed);
    context().dead_letters.add({context().now(), "queue_full", whoami(), "command_message"});
    message.reply->answer(error_code::overloaded);
    return false;
  }
  ++waiting_;
  return true;
}

id_t shard::take_or_wait(domain::aggregate_kind of, command_message& message) {
  const auto id = env_->store.ids->take(of, number_);
  if (id != 0) return id;
  auto& waiting = for_ids_[of];
  if (!wait_place(message)) return 0;
  waiting.push_back(std::move(message));
  if (waiting.size() > 1) return 0;  // a refill is under way
  env_->store.ids->refill(
      of, number_, [self = caf::actor_cast<shard_internals>(this), of](const result<void>& outcome) {
        caf::anon_send(self, ids_refilled{of, outcome ? std::nullopt : std::optional(outcome.error())});
      });
  return 0;
}

bool shard::give_ids(command_message& message, const descriptor& kind) {
  if (message.context.new_id != 0) return true;
  if (message.target == 0) {
    if (!kind.needs_id(*message.command)) {
      message.reply->answer(error{error_code::internal, "a command without a target"});
      return false;
    }
    const auto id = take_or_wait(kind.kind, message);
    if (id == 0) return false;
    message.target = id;
    message.context.new_id = id;
  } else if (const auto child = kind.child_kind(*message.command)) {
    const auto id = take_or_wait(*child, message);
    if (id == 0) return false;
    message.context.new_id = id;
  }
  message.context.self = message.target;
  return true;
}

std::shared_ptr<void> shard::hold_of(std::string key) {
  struct held_key {
    held_key(shard_internals o, std::string k) : owner(std::move(o)), key(std::move(k)) {}
    held_key(const held_key&) = delete;
    held_key& operator=(const held_key&) = delete;
    ~held_key() { caf::anon_send(owner, unique_key_free{std::move(key)}); }
    shard_internals owner;
    std::string key;
  };
  return std::make_shared<held_key>(caf::actor_cast<shard_internals>(this), std::move(key));
}

bool shard::hold_unique_key(command_message& message, const descriptor& kind) {
  if (message.hold) return true;
  auto key = kind.unique_key(*message.command);
  // A join's key is that of its e-mail, and so is its idempotency key: one is enough. No unique key begins like this.
  if (key.empty() && message.context.idempotency.given())
    key = ' ' + std::to_string(message.context.caller) + ' ' + domain::idempotency_name(message.context.idempotency);
  if (key.empty()) return true;
  const auto [it, mine] = unique_keys_.try_emplace(key);
  if (!mine) {
    if (wait_place(message)) it->second.push_back(std::move(message));
    return false;
  }
  message.hold = hold_of(std::move(key));
  return true;
}

void shard::on_key_free(const std::string& key) {
  const auto it = unique_keys_.find(key);
  if (it == unique_keys_.end()) return;
  if (it->second.empty()) {
    unique_keys_.erase(it);
    return;
  }
  auto next = std::move(it->second.front());
  it->second.pop_front();
  --waiting_;
  next.hold = hold_of(key);  // it passes from one to the next, however `next` ends
  on_command(next);
}

void shard::on_ids(const ids_refilled& message) {
  auto waiting = std::exchange(for_ids_[message.kind], {});
  waiting_ -= waiting.size();
  for (auto& command : waiting) {
    if (message.failure || stopping_)
      command.reply->answer(stopping_ ? error_code::shutting_down : error_code::store_unavailable);
    else if (const auto* kind = env_->kinds.find(command.kind); give_ids(command, *kind))
      route(command, *kind);
  }
}

void shard::route(command_message& message, const descriptor& kind) {
  // Ids are counted per kind: a new comment may well have the number of its post.
  const bool fresh = message.target == message.context.new_id && kind.needs_id(*message.command);
  const entity_key key{message.kind, message.target};
  auto it = entities_.find(key);
  if (it == entities_.end()) {
    begin(key, fresh);
    it = entities_.find(key);
  } else {
    touch(it->second);
  }
  auto& e = it->second;
  if (e.now == phase::resting && env_->clock->monotonic_us() >= e.not_before_us) wake(key, e);
  if (e.now == phase::live) {
    ++e.sent;
    caf::anon_send(e.handle, std::move(message));
    return;
  }
  if (e.now == phase::resting && e.crashes >= env_->limits.crashes_max)
    return message.reply->answer(error{error_code::internal, "this actor keeps failing"});
  if (wait_place(message)) e.waiting.push_back(std::move(message));
}

// --- life of entities
// -------------------------------------------------------------------------------------------------

void shard::touch(entry& e) {
  e.used_us = env_->clock->monotonic_us();
  if (e.now == phase::resting) return;
  order_.splice(order_.end(), order_of(e), e.order);
  e.newborn = false;
}

void shard::begin(const entity_key& key, bool fresh) {
  auto spare = make_room(key, fresh);
  auto& e = entities_[key];
  e.newborn = fresh;
  e.used_us = env_->clock->monotonic_us();
  e.order = order_of(e).insert(order_of(e).end(), key);
  start(key, e, fresh, std::move(spare));
}

void shard::start(const entity_key& key, entry& e, bool fresh, entity_actor spare) {
  e.incarnation = ++incarnations_;
  e.sent = 0;
  // Never those of the spare: the commit thread may still count down there.
  e.vitals = std::make_shared<entity_vitals>();
  entity_origin origin{key.kind, key.id, number_, e.incarnation, fresh, e.vitals};
  if (spare) {
    caf::anon_send(spare, take_over{std::move(origin)});
    e.handle = std::move(spare);
  } else {
    e.handle =
        home_system().spawn<entity>(env_, std::move(origin), caf::actor_cast<shard_internals>(this), entity_actor());
  }
  if (e.now == phase::resting) {
    order_.splice(order_.end(), resting_, e.order);
    e.newborn = false;
  }
  e.now = phase::live;
  e.started_us = env_->clock->monotonic_us();
}

/// Starts the next incarnation, with what waits for it.
void shard::wake(const entity_key& key, entry& e) {
  start(key, e, false, entity_actor());
  waiting_ -= e.waiting.size();
  e.sent = e.waiting.size();
  for (auto& message : std::exchange(e.waiting, {})) caf::anon_send(e.handle, std::move(message));
  if (stopping_) stop_entity(e);  // accepted before the stop: done before it ends
}

void shard::erase(entry_map::iterator it) {
  order_of(it->second).erase(it->second.order);
  entities_.erase(it);
}

/// An actor that was killed before it heard whom it takes over says who it was.
shard::entry_map::iterator shard::find_gone(const entity_gone& message) {
  const auto it = entities_.find({message.kind, message.id});
  if (it != entities_.end() && it->second.incarnation == message.incarnation) return it;
  return std::find_if(entities_.begin(), entities_.end(),
                      [&](const auto& e) { return e.second.handle && e.second.handle.id() == message.actor; });
}

void shard::on_gone(const entity_gone& message) {
  const auto it = find_gone(message);
  if (it == entities_.end()) return;
  auto& e = it->second;
  e.handle = nullptr;
  if (message.crashed) {
    e.now = phase::draining;
    if (e.vitals->in_flight == 0) on_crash(it);
  } else if (!e.waiting.empty()) {
    wake(it->first, e);
  } else {
    erase(it);
  }
  finish_if_stopped();
}

void shard::on_crash(entry_map::iterator it) {
  auto& e = it->second;
  const auto& limits = env_->limits;
  if (env_->clock->monotonic_us() - e.started_us > limits.crash_backoff_max_ms * 1000) e.crashes = 0;
  const auto shift = std::min<std::uint32_t>(e.crashes, 20);
  ++e.crashes;
  const bool gives_up = e.crashes >= limits.crashes_max;
  const auto delay_ms =
      gives_up ? limits.crash_backoff_max_ms : std::min(limits.crash_backoff_ms << shift, limits.crash_backoff_max_ms);
  resting_.splice(resting_.end(), order_of(e), e.order);
  e.now = phase::resting;
  e.not_before_us = env_->clock->monotonic_us() + delay_ms * 1000;
  if (!gives_up) return;
  refuse_waiting(e, {error_code::internal, "this actor keeps failing"});
  log::error("aggregates", "an actor keeps failing; its commands are refused for a while",
             {{"kind", env_->kinds.find(it->first.kind)->name}, {"id", it->first.id}, {"crashes", e.crashes}});
}

void shard::refuse_waiting(entry& e, const error& why) {
  waiting_ -= e.waiting.size();
  for (auto& message : std::exchange(e.waiting, {})) message.reply->answer(why);
}

void shard::stop_entity(entry& e) {
  e.now = phase::stopping;
  caf::anon_send(e.handle, stop_when_idle{});
}

entity_actor shard::make_room(const entity_key& wanted, bool fresh) {
  const auto most = env_->limits.shard_entities_max;
  const auto most_newborn = most / 128 + 1;
  std::size_t excess = 0;
  if (fresh && newborn_.size() >= most_newborn) excess = newborn_.size() - most_newborn + 1;
  if (alive() >= most) excess = std::max(excess, alive() - most + 1);
  auto leave = std::min<std::size_t>(excess, leave_for_one);
  entity_actor spare;
  for (const auto* from : {&newborn_, &order_}) {
    int looks = looks_for_room;
    for (auto at = from->begin(); leave > 0 && at != from->end() && looks > 0; --looks)
      if (let_leave(entities_.find(*at++), wanted, spare)) --leave;
    if (alive() < most) break;  // only the new ones were too many
  }
  return spare;
}

bool shard::let_leave(entry_map::iterator it, const entity_key& wanted, entity_actor& spare) {
  auto& e = it->second;
  if (e.now != phase::live) return false;
  if (!spare && it->first.kind == wanted.kind && e.vitals->idle_after.load(std::memory_order_acquire) == e.sent) {
    spare = std::move(e.handle);
    erase(it);
  } else {
    stop_entity(e);
  }
  return true;
}

void shard::on_tick() {
  delayed_send(this, tick_interval, shard_tick{});
  const auto now = env_->clock->monotonic_us();
  let_unused_go(newborn_, now);
  let_unused_go(order_, now);
  wake_rested(now);
  finish_if_stopped();
}

void shard::let_unused_go(const std::list<entity_key>& order, std::int64_t now_us) {
  for (const auto& key : order) {
    auto& e = entities_.find(key)->second;
    if (e.used_us >= unused_since(now_us)) break;  // those behind were used later still
    if (e.now == phase::live) stop_entity(e);
  }
}

void shard::wake_rested(std::int64_t now_us) {
  if (stopping_) return;
  for (auto key = resting_.begin(); key != resting_.end();) {
    const auto it = entities_.find(*key++);
    auto& e = it->second;
    if (now_us < e.not_before_us) continue;
    if (!e.waiting.empty())
      wake(it->first, e);
    else if (e.used_us < unused_since(now_us))
      erase(it);
  }
}

std::int64_t shard::unused_since(std::int64_t now_us) const {
  return now_us - env_->limits.entity_idle_ms * 1000;
}

void shard::finish_if_stopped() {
  if (!stopping_) return;
  const bool alive =
      std::any_of(entities_.begin(), entities_.end(), [](const auto& e) { return e.second.now != phase::resting; });
  if (!alive) quit();
}

}  // namespace social::aggregates
