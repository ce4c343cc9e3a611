// The messages between edges, shards and entities of one node. Plain C++: only actors.hpp knows that CAF carries them.
#pragma once

#include <memory>
#include <string>

#include "actors/base/ids.hpp"
#include "actors/base/reply_slot.hpp"
#include "actors/base/result.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/protocol/query.hpp"

namespace social::protocol {

using command_result = result<domain::erased_ptr>;  ///< the aggregate's reply variant

template <class T>
using reply_slot = social::reply_slot<T>;
using command_slot = std::shared_ptr<reply_slot<domain::erased_ptr>>;
using query_slot = std::shared_ptr<reply_slot<answer>>;

/// A command on its way: gateway -> shard -> entity. `target` 0: the shard takes a new id for it (joining, posting).
struct command_message {
  domain::aggregate_kind kind{};
  id_t target = 0;
  shard_t shard = 0;
  domain::command_context context;
  domain::erased_ptr command;
  command_slot reply;
  /// While somebody keeps it, commands with the same unique or idempotency key wait; empty: none. Kept until the batch
  /// is resolved, which may be later than the answer.
  std::shared_ptr<void> hold{};
};

/// A question on its way: gateway -> reader.
struct query_message {
  query question;
  query_slot reply;
};

}  // namespace social::protocol
