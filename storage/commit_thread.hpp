// The one thread that writes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "storage/batch_writer.hpp"
#include "storage/commit_queue.hpp"
#include "storage/engine.hpp"
#include "storage/gathering.hpp"
#include "storage/heads.hpp"
#include "storage/statistics.hpp"
#include "storage/synced_mark.hpp"

namespace social::storage {

/// Takes everything that waits, writes it as one batch, answers it, signals watchers; and when a write fails, answers
/// all in flight, closes the store and brings it back. Owned by the store. Its thread blocks on the queue and on
/// RocksDB; callbacks run on it. It ends with `stop`.
class commit_thread {
 public:
  commit_thread(engine& engine, database_gate& gate, visible_heads& heads, watchers& watchers, mark_keeper& mark,
                storage_statistics& statistics);
  ~commit_thread();

  /// `store` was opened by the engine. Errors: store_damaged when its journal cannot be read; nothing is started then.
  result<void> start(std::unique_ptr<database> store);

  bool reserve();
  void release() { queue_.release(); }
  [[nodiscard]] error refusal() const;
  /// `placed`: under a reserved place; storage's own requests have none. After `stop` the callback runs at once, here.
  void submit(prepared_request request, ports::commit_callback done, bool placed);

  [[nodiscard]] bool accepting() const noexcept { return queue_.state() == intake::open; }
  [[nodiscard]] std::string reason() const { return queue_.reason(); }
  /// Grows when a write fails and again when the store is back. Both are needed: what is read before the failure may
  /// lack the failed write's predecessors, what is read between the two may lack the failed write itself.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t places() const noexcept { return queue_.places(); }
  /// Something has failed in the background: the thread looks at it.
  void wake() { queue_.wake(); }

  /// Takes nothing new, writes what waits, waits for reserved places until the deadline, syncs, ends the thread. What
  /// is left is answered store_unavailable.
  void stop(std::chrono::milliseconds deadline);

 private:
  using clock = commit_queue::clock;

  void run();
  [[nodiscard]] clock::time_point next_event() const;
  [[nodiscard]] bool finished() const;
  void gather();
  void note_batch(std::size_t answered, bool synced);
  void refuse_stale();
  void commit_taken();
  std::span<pending_request> next_slice(std::size_t from, bool& sync);
  void answer(std::span<pending_request> requests);
  void answer_all(std::span<pending_request> requests, error_code code, const std::string& message);
  void after_write();
  void sync_if_due(bool now);
  void notice_trouble();
  void break_down(const rocksdb::Status& status);
  void try_to_come_back();
  result<void> reopen();
  void postpone();

  engine& engine_;
  database_gate& gate_;
  visible_heads& heads_;
  watchers& watchers_;
  mark_keeper& mark_;
  storage_statistics& statistics_;
  const storage_options& options_;
  commit_queue queue_;
  std::atomic<std::uint64_t> epoch_{1};
  std::atomic<bool> stopping_{false};
  clock::time_point stop_deadline_{};  // written before `stopping_`

  // The commit thread's own.
  std::optional<batch_writer> writer_;  // none: a write failed, nothing is written until the store is back
  std::vector<pending_request> taken_;
  gathering gathering_;
  clock::time_point sync_due_ = clock::time_point::max();
  clock::time_point retry_at_ = clock::time_point::max();
  std::chrono::milliseconds retry_wait_{0};
  clock::time_point back_at_{};  // when the store came back last
  std::thread thread_;
};

}  // namespace social::storage
