// Waiting, on a thread that is no actor's, until everybody who holds a ticket has let go of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace social::runtime {

/// Tickets may outlive the gate. An actor drops its ticket in `on_exit`.
class exit_gate {
 public:
  exit_gate()
      : state_(std::make_shared<state>()), ticket_(nullptr, [state = state_](void*) {
          const std::lock_guard lock(state->mutex);
          state->open = true;
          state->opened.notify_all();
        }) {}

  [[nodiscard]] std::shared_ptr<void> ticket() const { return ticket_; }

  /// No ticket is given out any more. False: the deadline passed with tickets still out.
  bool wait(std::chrono::milliseconds deadline) {
    ticket_.reset();
    std::unique_lock lock(state_->mutex);
    return state_->opened.wait_for(lock, deadline, [&] { return state_->open; });
  }

 private:
  struct state {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
  };
  std::shared_ptr<state> state_;
  std::shared_ptr<void> ticket_;
};

}  // namespace social::runtime
