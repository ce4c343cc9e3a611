// The messages between edges, shards and entities of one node. Plain C++: only actors.hpp knows that CAF carries them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/protocol/query.hpp"

namespace social::protocol {

using command_result = result<domain::erased_ptr>;  ///< the aggregate's reply variant

/// Where an answer goes. Whoever holds the last reference without having answered makes the guard answer
/// outcome_unknown, so that an asker never waits for its deadline because a message was lost on the way.
template <class T>
class reply_slot {
 public:
  explicit reply_slot(std::function<void(result<T>)> deliver) : deliver_(std::move(deliver)) {}
  reply_slot(const reply_slot&) = delete;
  reply_slot& operator=(const reply_slot&) = delete;
  ~reply_slot() {
    if (deliver_) deliver_(error{error_code::outcome_unknown, "the request was abandoned"});
  }
  /// Any thread; only the first call counts. `deliver` must not block.
  void answer(result<T> value) {
    if (auto deliver = std::exchange(deliver_, nullptr)) deliver(std::move(value));
  }
  [[nodiscard]] bool answered() const noexcept { return !deliver_; }

 private:
  std::function<void(result<T>)> deliver_;
};
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
};

/// A question on its way: gateway -> reader.
struct query_message {
  query question;
  query_slot reply;
};

}  // namespace social::protocol
