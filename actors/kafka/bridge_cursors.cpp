#include "actors/kafka/bridge_cursors.hpp"

#include <algorithm>
#include <utility>

#include "actors/ports/cursor.hpp"

namespace social::kafka {

result<std::vector<std::uint64_t>> bridge_cursors::load(const ports::journal& source) {
  std::vector<std::uint64_t> loaded;
  for (shard_t shard = 0; shard < source.shards(); ++shard) {
    const auto row = store_.rows->get(ports::cursor_key(name_, shard), ports::read_tier::disk);
    switch (row.what) {
      case ports::row_value::status::absent:
        loaded.push_back(std::max<std::uint64_t>(source.oldest(shard), 1) - 1);
        break;
      case ports::row_value::status::found: {
        const auto cursor = decode_record<ports::cursor_row>(row.bytes);
        if (!cursor)
          return error{error_code::corrupt_record, "cursor of " + name_ + ", shard " + std::to_string(shard) + ": " +
                                                       std::string(cursor.error().text())};
        loaded.push_back(cursor->sequence);
        break;
      }
      default:
        return row.failure;
    }
  }
  written_ = loaded;
  return loaded;
}

bool bridge_cursors::are_due(const publish_window& window) const {
  for (shard_t shard = 0; shard < window.shards(); ++shard)
    if (window.cursor(shard) != written_[shard]) return true;
  return false;
}

bool bridge_cursors::write(const publish_window& window, std::function<void(result<void>)> done) {
  if (!store_.log->reserve()) return false;
  ports::commit_request request;
  // The events are acknowledged: nothing is lost with these rows, so they are worth no fsync of their own.
  request.may_skip_sync = true;
  under_way_ = written_;
  for (shard_t shard = 0; shard < window.shards(); ++shard) {
    const auto cursor = window.cursor(shard);
    if (cursor == written_[shard]) continue;
    under_way_[shard] = cursor;
    request.rows.push_back({ports::cursor_key(name_, shard), encode_record(ports::cursor_row{cursor})});
  }
  store_.log->submit(std::move(request), [done = std::move(done)](const result<std::uint64_t>& outcome) {
    done(outcome ? result<void>() : result<void>(outcome.error()));
  });
  return true;
}

void bridge_cursors::written(const result<void>& outcome) {
  auto under_way = std::exchange(under_way_, {});
  if (outcome) written_ = std::move(under_way);
}

}  // namespace social::kafka
