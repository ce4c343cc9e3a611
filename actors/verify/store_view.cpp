#include "actors/verify/store_view.hpp"

#include <limits>

#include "actors/ports/cursor.hpp"

namespace social::verify {

void expect_empty(const store_view& store, const ports::scanned_row& row) {
  if (!row.bytes.empty()) store.found("decode", row.key, "has a value, where the key says everything");
}

void check_id(const store_view& store, const domain::row_key& key, domain::aggregate_kind kind, id_t id) {
  if (id == 0 || id > max_id) {
    store.found("id", key, std::to_string(id) + " is no id");
    return;
  }
  const auto shards = store.log.shards();
  const auto below = store.ids_below(kind, shard_of(id, shards));
  if (id / shards >= below)
    store.found("id", key,
                "is beyond the ids that were given out in shard " + std::to_string(shard_of(id, shards)) +
                    ", which end below sequence " + std::to_string(below) + ": it will be given out again");
}

void check_foreign_tables(const store_view& store, const std::function<bool(domain::table)>& known) {
  constexpr std::size_t named = 10;
  for (unsigned number = 0; number < 256; ++number) {
    const auto where = static_cast<domain::table>(number);
    if (known(where)) continue;
    const auto found = store.rows.scan_table(where, std::nullopt, std::numeric_limits<std::uint64_t>::max(), named);
    for (const auto& row : found.rows) store.found("table", row.key, "this store has no such table");
  }
}

void check_cursor(const store_view& store, const ports::scanned_row& row, const ports::journal& journal) {
  const auto cursor = decoded<ports::cursor_row>(store, row);
  if (!cursor) return;
  if (row.key.a >= journal.shards()) {
    store.found("shard", row.key, "the journal has " + std::to_string(journal.shards()) + " shards");
    return;
  }
  const auto head = journal.head(static_cast<shard_t>(row.key.a));
  if (cursor->sequence > head)
    store.found("cursor", row.key,
                "stands at event " + std::to_string(cursor->sequence) + ", ahead of the journal, which ends with " +
                    std::to_string(head));
}

}  // namespace social::verify
