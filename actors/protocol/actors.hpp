// Typed interfaces of the actors that others talk to. All messages are node-local; between nodes only a versioned
// envelope will travel (docs/architecture.md).
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/protocol/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::protocol::command_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::protocol::query_message)

namespace social::protocol {

/// A shard: takes commands for every aggregate that lives in it. From gateways and reactions; the answer goes into the
/// message's reply slot.
using shard_actor = caf::typed_actor<caf::reacts_to<command_message>>;

/// A reader: answers questions from committed rows. From gateways.
using reader_actor = caf::typed_actor<caf::reacts_to<query_message>>;

}  // namespace social::protocol
