// An answer that is owed: a promise that is never forgotten.
#pragma once

#include <functional>
#include <utility>

#include "actors/base/result.hpp"

namespace social {

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

}  // namespace social
