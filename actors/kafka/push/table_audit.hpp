// What this process' store has and the table, read from its beginning to its end, has not.
#pragma once

#include <cstdint>

#include "actors/kafka/push/subscription_commands.hpp"
#include "actors/kafka/push/table_progress.hpp"

namespace social::kafka {

struct audit_report {
  std::uint64_t rows = 0;     ///< endpoints in the store
  std::uint64_t missing = 0;  ///< of which the table does not know
  std::uint64_t announced = 0;
  std::uint64_t removed = 0;
};

struct audit_options {
  std::size_t page_rows = 1'000;
  /// When more than half of a store's devices, and at least so many, are missing from a table that was there before,
  /// the table was lost rather than they: they are announced to it instead of removed.
  std::uint64_t lost_table_min = 100;
};

/// Blocks on reads and commands; runs on the reader's thread, after everything in the table has been applied. Safe to
/// repeat. Errors: the store's, what commands answer, shutting_down.
result<audit_report> audit_table(const ports::row_reader& rows, const table_progress& progress,
                                 subscription_commands& commands, const audit_options& options = {});

}  // namespace social::kafka
