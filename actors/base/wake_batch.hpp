// A thread that hands out work in bursts says so, and whoever has to be woken for it is woken once.
#pragma once

#include <memory>
#include <utility>

namespace social {

/// Something that threads wait at. `wake` looks whether there is work, and wakes somebody if that needs it; any thread.
class wakeable {
 public:
  wakeable() = default;
  virtual ~wakeable() = default;
  wakeable(const wakeable&) = delete;
  wakeable& operator=(const wakeable&) = delete;
  virtual void wake() = 0;
};

/// While one lives, work that its thread hands out need not wake anybody at once: to be woken for one message costs a
/// processor more than the message does, and interrupts the thread that sent it. For bursts that end within a
/// millisecond or so. Of nested ones the outermost counts.
///
/// A place that takes work asks `holds`, and then may `owe` the waking in place of doing it.
class wake_batch {
 public:
  wake_batch() noexcept {
    if (outermost == nullptr) outermost = this;
  }
  ~wake_batch() {
    if (outermost != this) return;
    outermost = nullptr;
    if (owed_) owed_->wake();
  }
  wake_batch(const wake_batch&) = delete;
  wake_batch& operator=(const wake_batch&) = delete;

  [[nodiscard]] static bool holds() noexcept { return outermost != nullptr; }
  /// Only while one `holds`, and without a lock that `wake` takes. What was owed to another place is done now.
  static void owe(std::shared_ptr<wakeable> place) {
    auto& owed = outermost->owed_;
    if (owed == place) return;
    if (const auto before = std::exchange(owed, std::move(place))) before->wake();
  }

 private:
  static inline thread_local wake_batch* outermost = nullptr;
  std::shared_ptr<wakeable> owed_;
};

}  // namespace social
