// Messages inside the aggregate machinery: shard <-> entity <-> commit thread, disk readers, child entities.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/typed_actor.hpp>

#include "actors/aggregates/instance.hpp"
#include "actors/ports/store.hpp"
#include "actors/protocol/actors.hpp"

namespace social::aggregates {

/// An entity's request to the detached readers; answered through `done` on their thread.
struct read_rows {
  std::vector<domain::row_key> keys;
  std::function<void(std::vector<ports::row_value>)> done;
};
/// Reads whatever is to be read, on a detached reader's thread.
struct read_more {
  std::function<void(const ports::row_reader&)> work;
};
/// Rows that an entity asked for, in the order of its keys.
struct rows_arrived {
  std::uint64_t token = 0;
  std::vector<ports::row_value> values;
};
/// From the commit thread: the batch with that command is durable, or has failed.
struct commit_done {
  std::uint64_t number = 0;
  std::optional<error> failure;
};
/// Parent to child: decide this together with me, as that child. One that was another so far, and has nothing under
/// way, becomes it.
struct decide_for_parent {
  std::uint64_t token = 0;
  std::uint64_t durable = 0;  ///< the batches with your steps of up to this token are
  id_t child = 0;
  domain::command_context context;
  domain::erased_ptr command;
  bool fresh = false;
};
/// Child to parent.
struct decided_for_parent {
  std::uint64_t token = 0;
  std::shared_ptr<result<step>> outcome;
  caf::actor_id ended = 0;  ///< this child has failed or was killed, whatever it was asked: its last message
};
/// Parent to child: the batch with a step of yours has failed. Of one that is durable a child hears with the next
/// decide_for_parent; most children are never asked for anything again.
struct parent_failed {};
/// Entity to shard: a batch of mine failed, I am worth nothing any more. The shard answers stop_when_idle and buffers
/// what comes later for the next incarnation, so that no command meets a dead mailbox.
struct entity_void {
  domain::aggregate_kind kind{};
  id_t id = 0;
  std::uint64_t incarnation = 0;
};
/// Finish what is queued and in flight, then stop. From the shard (idle, limit, shutdown), or from the parent, to a
/// child without a step in flight.
struct stop_when_idle {};
/// Entity to shard, its last message.
struct entity_gone {
  domain::aggregate_kind kind{};
  id_t id = 0;
  std::uint64_t incarnation = 0;
  bool crashed = false;
  caf::actor_id actor = 0;  ///< one that was killed may not know yet whom it has become
};
/// A crashed entity's last batch has been resolved.
struct entity_resolved {
  domain::aggregate_kind kind{};
  id_t id = 0;
  std::uint64_t incarnation = 0;
};
/// A command that held a unique or an idempotency key is over: its batch is resolved, or there is none.
struct unique_key_free {
  std::string key;
};
struct ids_refilled {
  domain::aggregate_kind kind{};
  std::optional<error> failure;
};
struct shard_tick {};
/// Stop all entities, then yourself; `stopped` is dropped when it is done.
struct stop_shard {
  std::shared_ptr<void> stopped;
};

/// What the shard may know of an entity without asking. Outlives a crashed one.
struct entity_vitals {
  std::atomic<int> in_flight{0};  ///< batches that are not resolved yet
  std::atomic<bool> crashed{false};
  /// It has nothing under way, after so many commands. One that has failed, or was told to stop, does not say so.
  std::atomic<std::uint64_t> idle_after{0};
};
/// Who started an entity and under which number.
struct entity_origin {
  domain::aggregate_kind kind{};
  id_t id = 0;
  shard_t shard = 0;
  std::uint64_t incarnation = 0;
  bool fresh = false;  ///< its id was just taken: nothing to load
  std::shared_ptr<entity_vitals> vitals;
};
/// Shard to an entity that has nothing under way: from now on you are this one, of the same kind and shard.
struct take_over {
  entity_origin origin;
};

using disk_reader_actor =
    caf::typed_actor<caf::reacts_to<read_rows>, caf::reacts_to<read_more>, caf::reacts_to<protocol::query_message>>;

// The frequent ones first: CAF tries them in this order.
using entity_actor = caf::typed_actor<caf::reacts_to<commit_done>, caf::reacts_to<protocol::command_message>,
                                      caf::reacts_to<decide_for_parent>, caf::reacts_to<decided_for_parent>,
                                      caf::reacts_to<rows_arrived>, caf::reacts_to<parent_failed>,
                                      caf::reacts_to<stop_when_idle>, caf::reacts_to<take_over>>;

using shard_internals =
    protocol::shard_actor::extend<caf::reacts_to<entity_gone>, caf::reacts_to<entity_resolved>,
                                  caf::reacts_to<entity_void>, caf::reacts_to<unique_key_free>,
                                  caf::reacts_to<ids_refilled>, caf::reacts_to<shard_tick>, caf::reacts_to<stop_shard>>;

}  // namespace social::aggregates

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::read_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::read_more)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::rows_arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::commit_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::decide_for_parent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::decided_for_parent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::parent_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::stop_when_idle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::take_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::entity_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::entity_resolved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::entity_void)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::unique_key_free)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::ids_refilled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::shard_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::stop_shard)
