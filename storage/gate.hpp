// The door between readers and the one thread that may close and reopen the database below them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace social::storage {

/// Readers enter for the time of one call; `close` turns new ones away and waits for those inside. Entering and leaving
/// are one atomic addition each, so a reader neither takes a lock nor touches a shared_ptr. Any thread may enter; only
/// the thread that owns the opening and closing of the store (the commit thread, before and after it the store) calls
/// `open` and `close`.
template <class T>
class gate {
 public:
  class lease {
   public:
    lease() = default;
    lease(const gate* from, T* inside) : from_(from), inside_(inside) {}
    lease(lease&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), inside_(std::exchange(other.inside_, nullptr)) {}
    lease& operator=(lease&&) = delete;
    ~lease() {
      if (inside_ != nullptr) from_->leave();
    }
    explicit operator bool() const noexcept { return inside_ != nullptr; }
    T& operator*() const noexcept { return *inside_; }
    T* operator->() const noexcept { return inside_; }

   private:
    const gate* from_ = nullptr;
    T* inside_ = nullptr;
  };

  /// Empty while the gate is closed.
  [[nodiscard]] lease enter() const noexcept {
    users_.fetch_add(1);
    if (T* inside = current_.load(); inside != nullptr) return lease(this, inside);
    leave();
    return {};
  }

  /// Waits for an opening, but not longer than `wait_max`.
  [[nodiscard]] lease enter(std::chrono::milliseconds wait_max) const {
    if (auto at_once = enter()) return at_once;
    std::unique_lock lock(mutex_);
    opened_.wait_for(lock, wait_max, [&] { return current_.load() != nullptr; });
    lock.unlock();
    return enter();
  }

  void open(std::unique_ptr<T> inside) {
    const std::lock_guard lock(mutex_);
    owned_ = std::move(inside);
    current_.store(owned_.get());
    opened_.notify_all();
  }

  /// Returns when nobody is inside any more; null when it was closed already.
  std::unique_ptr<T> close() {
    {
      const std::lock_guard lock(mutex_);
      current_.store(nullptr);
    }
    for (auto inside = users_.load(); inside != 0; inside = users_.load()) users_.wait(inside);
    return std::move(owned_);
  }

  /// For the owning thread only.
  [[nodiscard]] T* owned() const noexcept { return owned_.get(); }

 private:
  void leave() const noexcept {
    if (users_.fetch_sub(1) == 1 && current_.load() == nullptr) users_.notify_all();
  }

  mutable std::atomic<std::uint64_t> users_{0};
  std::atomic<T*> current_{nullptr};
  std::unique_ptr<T> owned_;
  mutable std::mutex mutex_;
  mutable std::condition_variable opened_;
};

}  // namespace social::storage
