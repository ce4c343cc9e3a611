// ports::row_reader over RocksDB.
#pragma once

#include "actors/ports/store.hpp"
#include "storage/engine.hpp"

namespace social::storage {

/// Owned by the store. Thread-safe and without state. While the store is being reopened the cache tier says
/// would_block, and the disk tier waits a little before it fails.
class rocks_rows final : public ports::row_reader {
 public:
  rocks_rows(const database_gate& gate, std::chrono::milliseconds read_wait_max)
      : gate_(gate), read_wait_max_(read_wait_max) {}

  ports::row_value get(const domain::row_key& key, ports::read_tier tier, const ports::snapshot* at) const override;
  std::vector<ports::row_value> get_many(const std::vector<domain::row_key>& keys, ports::read_tier tier,
                                         const ports::snapshot* at) const override;
  ports::scan_result scan(const ports::scan_request& request, ports::read_tier tier,
                          const ports::snapshot* at) const override;
  ports::scan_result scan_table(domain::table where, const std::optional<domain::row_key>& after, std::uint64_t a_max,
                                std::size_t rows_max, const ports::snapshot* at) const override;
  std::shared_ptr<const ports::snapshot> take_snapshot() const override;

 private:
  struct range;
  ports::scan_result scan_range(const range& what, ports::read_tier tier, const ports::snapshot* at) const;
  [[nodiscard]] database_gate::lease enter(ports::read_tier tier) const;

  const database_gate& gate_;
  std::chrono::milliseconds read_wait_max_;
};

}  // namespace social::storage
