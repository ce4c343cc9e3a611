// Whether the commit thread waits a little before it takes a batch, and for whom.
//
// Where a sync takes long, whoever the last one answered is back a moment later, and would find the next one under way:
// each command then waits for two syncs, and each sync serves half of the callers. Waiting until they are back costs
// less than that (what PostgreSQL's commit_delay is for, here measured instead of set). Where a sync is quick, nothing
// waits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace social::storage {

/// Numbers only; the commit thread owns it, and does the waiting.
class gathering {
 public:
  using duration = std::chrono::microseconds;

  /// A sync took so long; it answers so many, and so many wait already. One batch takes `batch_max` at most.
  void synced(duration took, std::size_t answered, std::size_t waiting, std::size_t batch_max) noexcept {
    sync_ = took;
    wanted_ = took < slow ? 0 : std::min(answered + waiting, batch_max);
  }
  /// The last batch was not synced: nobody waits for a disk.
  void not_synced() noexcept { wanted_ = 0; }

  /// As many as this are worth waiting for; below 2: none.
  [[nodiscard]] std::size_t wanted() const noexcept { return wanted_; }
  /// How long at most; looked at after each step.
  [[nodiscard]] duration patience() const noexcept { return sync_; }
  [[nodiscard]] duration step() const noexcept { return sync_ / 4; }
  /// So many waited before a step, so many after it: not all are there, but they are coming.
  [[nodiscard]] bool goes_on(std::size_t before, std::size_t after) const noexcept {
    return after < wanted_ && (after - std::min(before, after)) * 64 >= wanted_;
  }

 private:
  static constexpr duration slow{2'000};  // what a batch of some hundred commands costs the processor
  duration sync_{0};
  std::size_t wanted_ = 0;
};

}  // namespace social::storage
