// All rows of one table in the order of their keys, a page at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "actors/verify/store_view.hpp"

namespace social::verify {

/// Owned and used by one thread. A table that cannot be read to its end is a finding, and ends there.
class table_scan {
 public:
  table_scan(const store_view& store, domain::table where, std::optional<domain::row_key> after = std::nullopt,
             std::uint64_t a_max = std::numeric_limits<std::uint64_t>::max())
      : store_(store), where_(where), after_(std::move(after)), a_max_(a_max) {}

  /// Null behind the last row. Valid until `next`.
  [[nodiscard]] const ports::scanned_row* row() {
    if (at_ == page_.size() && !ended_) load();
    return at_ < page_.size() ? &page_[at_] : nullptr;
  }
  void next() { ++at_; }

 private:
  void load();

  const store_view& store_;
  domain::table where_;
  std::optional<domain::row_key> after_;
  std::uint64_t a_max_;
  std::vector<ports::scanned_row> page_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

/// Calls `look(row)` for each row of a table.
template <class Function>
void for_each_row(const store_view& store, domain::table where, const Function& look) {
  table_scan rows(store, where);
  for (; const auto* row = rows.row(); rows.next()) look(*row);
}

/// Calls `look(row)` for the rows of `rows` whose `a` is `a`, and `orphan(row)` for those before them: both are walked
/// in the order of `a`.
template <class Found, class Orphan>
void rows_of(table_scan& rows, std::uint64_t a, const Found& look, const Orphan& orphan) {
  for (; const auto* row = rows.row(); rows.next()) {
    if (row->key.a > a) return;
    if (row->key.a == a)
      look(*row);
    else
      orphan(*row);
  }
}

/// The rows that are left, all without an owner.
template <class Orphan>
void rest_of(table_scan& rows, const Orphan& orphan) {
  for (; const auto* row = rows.row(); rows.next()) orphan(*row);
}

}  // namespace social::verify
