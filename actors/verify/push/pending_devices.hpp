// Devices that a reaction has still to come to: until then an endpoint row may outlive its device, and a device the row
// that named it.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/verify/store_view.hpp"

namespace social::verify {

/// Owned and used by one thread.
class pending_devices {
 public:
  /// Reads the journal behind the cursors of the reactions.
  explicit pending_devices(const store_view& store);
  [[nodiscard]] bool has(std::uint64_t device) const { return is_everything_ || devices_.contains(device); }

 private:
  void read(shard_t shard, std::uint64_t after);
  void add(const domain::subscription::event& event);

  const store_view& store_;
  std::unordered_set<std::uint64_t> devices_;
  bool is_everything_ = false;  ///< too many to be kept, or the journal cannot be read: nothing can be said
};

}  // namespace social::verify
