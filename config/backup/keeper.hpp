// The one backup that a process may be making: on a thread of its own, so that the server goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/backup/make.hpp"

namespace social::backup {

enum class verdict : std::uint8_t {
  made,
  refused,   ///< the directory cannot be one
  busy,      ///< another backup is being made
  failed,    ///< nothing is left of it
  stopping,  ///< the process ends; nothing is left of it
};

struct answer {
  verdict what = verdict::failed;
  std::string text;  ///< a sentence; JSON for what was made: `{dir, createdAt, stores, files, bytes, tookMillis}`
};

/// Since the start of the process.
struct statistics {
  std::uint64_t made = 0;
  std::uint64_t failed = 0;
  std::int64_t last_success_ms = 0;  ///< since the epoch; 0: none
  std::int64_t last_took_ms = 0;     ///< of the last that succeeded
  std::uint64_t last_bytes = 0;      ///< the same
  bool running = false;
};

/// Owned by the composition root, which stops it before it closes the stores. Starts a thread per backup, at most one
/// at a time; only that thread blocks on the disk. Thread-safe.
class keeper {
 public:
  explicit keeper(places from);
  ~keeper();
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  /// Before the first start(). The push store comes first, whatever the order here: its cursor must not be ahead of the
  /// journal that it reads.
  void add(source store);

  /// Begins a backup and returns. `done` runs exactly once, on any thread, this one included.
  void start(std::string directory, std::function<void(answer)> done);

  /// Gives up what is under way and waits for its end, which is a flush or a few megabytes away; what is asked
  /// afterwards is refused. Idempotent.
  void stop();

  [[nodiscard]] backup::statistics statistics() const;

 private:
  void run(const std::string& directory, const std::function<void(answer)>& done);
  answer make(const std::string& directory);
  void note(const result<manifest>& outcome, std::int64_t took_ms);

  const places from_;
  std::vector<source> stores_;
  std::atomic<bool> stopping_{false};
  std::mutex starting_;  ///< around the whole of start() and stop()
  mutable std::mutex mutex_;
  backup::statistics statistics_;  // under mutex_
  std::thread thread_;             // under starting_
};

}  // namespace social::backup
