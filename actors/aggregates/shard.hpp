// A shard: owns the entities whose ids belong to it, starts them on their first message and lets them go again.
//
// Owned by the region; runs on the scheduler's threads; blocks on nothing. Takes new ids, decides commands with one
// unique or idempotency key one after the other, buffers what arrives for an entity that is on its way out until its
// last batch is resolved, and restarts crashed entities with back-off. Ends after all its entities have.
//
// At the limit of live entities the longest unused leave; those that were made and never used since have a limit of
// their own, a sixteenth of it, so that a flood of new ones neither displaces those in use nor touches much memory. An
// actor whose entity leaves while it has nothing under way becomes the new one: an actor that ends and one that begins
// cost more than most commands.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>

#include "actors/aggregates/entity.hpp"

namespace social::aggregates {

class shard final : public runtime::instrumented<shard_internals::base> {
 public:
  using super = runtime::instrumented<shard_internals::base>;
  shard(caf::actor_config& cfg, std::shared_ptr<const environment> env, shard_t number);

  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;
  bool shed(caf::type_erased_tuple& content) override;

 private:
  struct entity_key {
    domain::aggregate_kind kind{};
    id_t id = 0;
    friend bool operator==(const entity_key&, const entity_key&) = default;
  };
  struct entity_key_hash {
    std::size_t operator()(const entity_key& k) const noexcept {
      return std::hash<id_t>{}(k.id * 8 + static_cast<std::uint8_t>(k.kind));
    }
  };
  enum class phase : std::uint8_t {
    live,
    stopping,  ///< told to stop; what arrives waits for the next incarnation
    draining,  ///< crashed with batches unresolved
    resting,   ///< crashed; nobody is started before `not_before`
  };
  struct entry {
    phase now = phase::live;
    entity_actor handle;
    std::shared_ptr<entity_vitals> vitals;
    std::uint64_t incarnation = 0;
    std::uint32_t crashes = 0;  ///< in a row
    std::int64_t not_before_us = 0;
    std::int64_t used_us = 0;
    std::int64_t started_us = 0;
    std::uint64_t sent = 0;  ///< commands to this incarnation
    bool newborn = false;    ///< made by its first command, and not used since
    std::deque<protocol::command_message> waiting;
    std::list<entity_key>::iterator order;
  };
  using entry_map = std::unordered_map<entity_key, entry, entity_key_hash>;

  void on_command(protocol::command_message& message);
  /// Takes the ids a command needs; false: it waits for a refill (or was refused).
  bool give_ids(protocol::command_message& message, const descriptor& kind);
  id_t take_or_wait(domain::aggregate_kind of, protocol::command_message& message);
  /// False: it waits behind another command with the same key.
  bool hold_unique_key(protocol::command_message& message, const descriptor& kind);
  [[nodiscard]] std::shared_ptr<void> hold_of(std::string key);
  void route(protocol::command_message& message, const descriptor& kind);
  /// Null: there is room, or nobody could be taken over.
  [[nodiscard]] entity_actor make_room(const entity_key& wanted, bool fresh);
  /// False: it cannot, or leaves already. One that has nothing under way becomes `spare`.
  bool let_leave(entry_map::iterator it, const entity_key& wanted, entity_actor& spare);
  void begin(const entity_key& key, bool fresh);
  void start(const entity_key& key, entry& e, bool fresh, entity_actor spare);
  void wake(const entity_key& key, entry& e);
  void erase(entry_map::iterator it);
  void touch(entry& e);
  void on_gone(const entity_gone& message);
  [[nodiscard]] entry_map::iterator find_gone(const entity_gone& message);
  void on_crash(entry_map::iterator it);
  void on_key_free(const std::string& key);
  void on_ids(const ids_refilled& message);
  void on_tick();
  void let_unused_go(const std::list<entity_key>& order, std::int64_t now_us);
  void wake_rested(std::int64_t now_us);
  [[nodiscard]] std::int64_t unused_since(std::int64_t now_us) const;
  [[nodiscard]] std::size_t alive() const { return newborn_.size() + order_.size(); }
  [[nodiscard]] std::list<entity_key>& order_of(const entry& e) {
    if (e.now == phase::resting) return resting_;
    return e.newborn ? newborn_ : order_;
  }
  void refuse_waiting(entry& e, const error& why);
  void stop_entity(entry& e);
  void finish_if_stopped();
  bool wait_place(protocol::command_message& message);

  const std::shared_ptr<const environment> env_;
  const shard_t number_;
  entry_map entities_;
  std::list<entity_key> order_;    ///< longest unused first
  std::list<entity_key> newborn_;  ///< the others: eldest first
  std::list<entity_key> resting_;  ///< crashed ones that wait for their back-off
  std::size_t waiting_ = 0;        ///< commands held here in all
  std::uint64_t incarnations_ = 0;
  /// Keys that commands under way hold, and who waits for each: unique keys of aggregates and idempotency keys.
  std::unordered_map<std::string, std::deque<protocol::command_message>> unique_keys_;
  std::map<domain::aggregate_kind, std::deque<protocol::command_message>> for_ids_;
  std::shared_ptr<void> stopped_;
  bool stopping_ = false;
};

}  // namespace social::aggregates
