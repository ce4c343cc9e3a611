// Typed interfaces of the push role's actors. All messages are local to the node.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/reply_slot.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/protocol/public_event.hpp"
#include "actors/protocol/push.hpp"
#include "actors/push/lane.hpp"
#include "actors/push/workbench.hpp"

namespace social::push {

// --- to a lane
/// From the planner: these are committed and due. Those without a place in memory stay in the store.
struct offer_deliveries {
  std::vector<lane_entry> entries;
};
/// From the planner: the store holds something for this lane from `due` on.
struct work_in_store {
  timestamp_t due = 0;
};
/// From a worker: a delivery is ready, or leads nowhere.
struct delivery_prepared {
  std::shared_ptr<prepared> delivery;
};
/// From the transport: the push service has answered, or could not be asked.
struct delivery_answered {
  std::shared_ptr<prepared> delivery;
  std::shared_ptr<const ports::push_answer> answer;
};
/// From a Subscription: a device's removal is durable, or could not be made so.
struct device_removed {
  std::shared_ptr<prepared> delivery;
  bool done = false;
  bool was_there = false;  ///< false: it had gone, or is a newer subscription by now
};
/// From the commit thread: how writing a delivery's outcome went.
struct settlement_committed {
  std::uint64_t number = 0;
  bool done = false;
};
/// From a worker: what the lane asked to be read.
struct rows_loaded {
  std::shared_ptr<const loaded_rows> rows;
};
struct rows_swept {
  std::shared_ptr<swept_rows> rows;
};
/// From the planner: end, after what is under way has been answered and written; begin nothing new.
struct retire_lane {};
/// To oneself, when a time has come.
struct look_at_the_clock {};

// --- to a worker: `done` runs on its thread
/// From a lane: make this delivery ready.
struct prepare_delivery {
  lane_entry entry;
  std::function<void(prepared)> done;
};
/// From a lane: read its next deliveries.
struct load_rows {
  std::string origin;
  lane::load what;
  std::function<void(loaded_rows)> done;
};
/// From a lane: look for deliveries whose time is over.
struct sweep_rows {
  std::string origin;
  std::optional<domain::row_key> after;
  std::function<void(swept_rows)> done;
};

// --- to the planner
/// From whoever feeds the role: plan and commit these with the cursor rows, then call `done`.
struct consume_events {
  std::shared_ptr<const std::vector<protocol::push_event>> events;
  std::shared_ptr<const std::vector<domain::row_change>> cursor_rows;
  std::uint64_t epoch = 0;  ///< that the cursors build upon; 0: upon nothing
  std::shared_ptr<reply_slot<void>> done;
};
/// From the commit thread: how the one commit that is under way went.
struct step_committed {
  std::shared_ptr<const result<std::uint64_t>> outcome;
};
/// From Subscriptions: how the commands of a reaction went.
struct reaction_done {
  bool done = false;
};
/// From the commit thread: the store's journal has new events.
struct journal_moved {};
/// From a lane: it has had nothing to do for long.
struct lane_is_idle {
  std::string origin;
};
/// From a lane, its last word. `stored_due`: the store holds more for it from then on.
struct lane_has_ended {
  std::string origin;
  std::optional<timestamp_t> stored_due;
};
/// From an operator: give a dead letter a new life. Errors: not_found.
struct replay_letter {
  std::string id;
  std::shared_ptr<reply_slot<void>> done;
};
/// From push_role: take a person's own device away. Errors: subscription_not_found, the store's, what commands answer.
struct remove_own_device {
  protocol::remove_device_request request;
  domain::command_context context;
  std::shared_ptr<reply_slot<protocol::device_removed>> done;
};
/// From push_role: the wall clock was set; every timer may be wrong.
struct clock_was_set {};
/// From push_role: end in order. The token is dropped when all have ended.
struct stop_push {
  std::shared_ptr<void> token;
};

}  // namespace social::push

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::offer_deliveries)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::work_in_store)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::delivery_prepared)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::delivery_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::device_removed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::settlement_committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::rows_loaded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::rows_swept)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::retire_lane)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::look_at_the_clock)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::prepare_delivery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::load_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::sweep_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::consume_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::step_committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::reaction_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::journal_moved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::lane_is_idle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::lane_has_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::replay_letter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::remove_own_device)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::clock_was_set)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::push::stop_push)

namespace social::push {

/// One per push service; runs on the scheduler and blocks on nothing.
using lane_handle =
    caf::typed_actor<caf::reacts_to<offer_deliveries>, caf::reacts_to<work_in_store>, caf::reacts_to<delivery_prepared>,
                     caf::reacts_to<delivery_answered>, caf::reacts_to<device_removed>,
                     caf::reacts_to<settlement_committed>, caf::reacts_to<rows_loaded>, caf::reacts_to<rows_swept>,
                     caf::reacts_to<retire_lane>, caf::reacts_to<look_at_the_clock>>;

/// One of a fixed few on threads of their own; may block.
using worker_handle =
    caf::typed_actor<caf::reacts_to<prepare_delivery>, caf::reacts_to<load_rows>, caf::reacts_to<sweep_rows>>;

/// The one planner; on a thread of its own, for it reads what it plans upon.
using planner_handle =
    caf::typed_actor<caf::reacts_to<consume_events>, caf::reacts_to<step_committed>, caf::reacts_to<reaction_done>,
                     caf::reacts_to<journal_moved>, caf::reacts_to<lane_is_idle>, caf::reacts_to<lane_has_ended>,
                     caf::reacts_to<replay_letter>, caf::reacts_to<remove_own_device>, caf::reacts_to<clock_was_set>,
                     caf::reacts_to<stop_push>, caf::reacts_to<look_at_the_clock>>;

}  // namespace social::push
