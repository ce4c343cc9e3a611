// Where the readers of a journal stand, as their rows say.
#include <algorithm>
#include <future>
#include <utility>

#include "actors/events/retention.hpp"
#include "actors/ports/cursor.hpp"

namespace social::events {
namespace {

using cursor_list = std::vector<std::uint64_t>;

result<cursor_list> read_cursors(const std::string& name, const ports::journal& source, const ports::row_reader& rows) {
  cursor_list found;
  for (shard_t shard = 0; shard < source.shards(); ++shard) {
    const auto row = rows.get(ports::cursor_key(name, shard), ports::read_tier::disk);
    if (row.what == ports::row_value::status::absent) {
      found.push_back(std::max<std::uint64_t>(source.oldest(shard), 1) - 1);
      continue;
    }
    if (row.what != ports::row_value::status::found) return row.failure;
    const auto cursor = decode_record<ports::cursor_row>(row.bytes);
    if (!cursor)
      return error{error_code::corrupt_record, "cursor of " + name + ", shard " + std::to_string(shard) + ": " +
                                                   std::string(cursor.error().text())};
    found.push_back(cursor->sequence);
  }
  return found;
}

/// An fsync makes everything before it durable. The row that it comes with is removed, and was never there.
result<void> sync_store(ports::journal& log) {
  if (!log.reserve()) return log.refusal();
  ports::commit_request request;
  request.must_sync = true;
  request.rows.push_back({ports::cursor_key(std::string(), 0), std::nullopt});
  // Shared: the callback may still be leaving `set_value` when this function has returned.
  const auto done = std::make_shared<std::promise<result<std::uint64_t>>>();
  auto outcome = done->get_future();
  log.submit(std::move(request), [done](result<std::uint64_t> answer) { done->set_value(std::move(answer)); });
  if (const auto answer = outcome.get(); !answer) return answer.error();
  return {};
}

}  // namespace

cursor_source stored_cursors(std::string name, const ports::journal& source, const ports::row_reader& rows) {
  return [name = std::move(name), &source, &rows] { return read_cursors(name, source, rows); };
}

cursor_source synced_cursors(std::string name, const ports::journal& source, ports::store effects) {
  return [name = std::move(name), &source, effects, synced = cursor_list()]() mutable -> result<cursor_list> {
    auto found = read_cursors(name, source, *effects.rows);
    if (!found || *found == synced) return found;
    if (const auto done = sync_store(*effects.log); !done) return done.error();
    synced = *found;
    return found;
  };
}

}  // namespace social::events
