#include "actors/kafka/push/table_progress.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>

#include "actors/base/log.hpp"
#include "actors/ports/cursor.hpp"

namespace social::kafka {
namespace {

using domain::row_key;
using domain::table;

constexpr std::string_view position_prefix = "table/";
constexpr int offset_bits = 48;  // an offset per microsecond for nine years
constexpr std::int64_t alive_every_ms = 3'600'000;
constexpr std::int64_t offset_max = (std::int64_t{1} << offset_bits) - 2;

std::optional<std::int32_t> partition_of(std::string_view name) {
  if (!name.starts_with(position_prefix)) return std::nullopt;
  name.remove_prefix(position_prefix.size());
  std::int32_t partition = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), partition);
  if (failed != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return partition;
}

}  // namespace

row_key table_state_key() {
  return {table::cursor, 0, 0, "table"};
}

row_key table_position_key(std::int32_t partition) {
  return {table::cursor, 0, 0, std::string(position_prefix) + std::to_string(partition)};
}

result<void> write_rows(ports::journal& log, std::vector<domain::row_change> rows, timestamp_t now, bool must_sync) {
  if (rows.empty()) return {};
  if (!log.reserve()) return log.refusal();
  ports::commit_request request;
  request.time = now;
  request.rows = std::move(rows);
  request.must_sync = must_sync;
  request.may_skip_sync = !must_sync;
  const auto promise = std::make_shared<std::promise<result<void>>>();
  auto written = promise->get_future();
  log.submit(std::move(request), [promise](const result<std::uint64_t>& outcome) {
    promise->set_value(outcome ? result<void>() : result<void>(outcome.error()));
  });
  if (written.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
    return error{error_code::outcome_unknown, "the store did not answer for 30 s"};
  return written.get();
}

result<void> table_progress::load(timestamp_t now) {
  const auto row = store_.rows->get(table_state_key(), ports::read_tier::disk);
  if (row.what == ports::row_value::status::failed || row.what == ports::row_value::status::would_block)
    return row.failure;
  if (row.what == ports::row_value::status::absent) {
    if (auto written = write_state({1, now, table_audit_kind::announce}, rows_of_first_start(), now); !written)
      return written;
    loaded_ = true;
    return {};
  }
  const auto state = decode_record<table_state_row>(row.bytes);
  if (!state) return error{error_code::corrupt_record, "the row \"table\": " + std::string(state.error().text())};
  state_ = *state;
  epoch_ = state->epoch;
  if (auto read = read_positions(); !read) return read;
  if (now - state->alive_at > away_ms_max) {
    log::warning("kafka",
                 "this process was away for so long that it may have missed withdrawals: the whole table of "
                 "subscriptions is read again",
                 {{"away_hours", (now - state->alive_at) / 3'600'000}});
    const auto audit = state->audit == table_audit_kind::none ? table_audit_kind::sweep : state->audit;
    if (auto anew = read_anew(audit, now); !anew) return anew;
  }
  loaded_ = true;
  return {};
}

result<void> table_progress::read_positions() {
  ports::scan_request request;
  request.where = table::cursor;
  request.rows_max = 100'000;  // of all readers of the store: a few
  const auto found = store_.rows->scan(request, ports::read_tier::disk);
  if (found.what != ports::row_value::status::found) return found.failure;
  const std::lock_guard lock(mutex_);
  for (const auto& row : found.rows) {
    const auto partition = partition_of(row.key.text);
    if (!partition) continue;
    const auto position = decode_record<table_position_row>(row.bytes);
    if (!position)
      return error{error_code::corrupt_record,
                   "the row \"" + row.key.text + "\": " + std::string(position.error().text())};
    positions_[*partition] = position->next;
  }
  return {};
}

std::vector<domain::row_change> table_progress::rows_of_first_start() const {
  std::vector<domain::row_change> rows;
  rows.reserve(store_.log->shards() + std::size_t{1});
  for (shard_t shard = 0; shard < store_.log->shards(); ++shard)
    rows.push_back({ports::cursor_key(outbox_, shard), encode_record(ports::cursor_row{store_.log->head(shard)})});
  return rows;
}

std::optional<std::int64_t> table_progress::position_of(std::int32_t partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = positions_.find(partition);
  return found == positions_.end() ? std::nullopt : std::optional(found->second);
}

std::uint64_t table_progress::place_of(std::int64_t offset) const {
  return (epoch_ << offset_bits) + static_cast<std::uint64_t>(std::clamp<std::int64_t>(offset, 0, offset_max)) + 1;
}

std::uint64_t table_progress::oldest_place() const {
  return epoch_ << offset_bits;
}

std::vector<domain::row_change> table_progress::rows_without_positions() const {
  std::vector<domain::row_change> rows;
  const std::lock_guard lock(mutex_);
  rows.reserve(positions_.size() + 1);
  for (const auto& [partition, next] : positions_) rows.push_back({table_position_key(partition), std::nullopt});
  return rows;
}

result<void> table_progress::read_anew(table_audit_kind audit, timestamp_t now) {
  if (auto written = write_state({state_.epoch + 1, state_.alive_at, audit}, rows_without_positions(), now); !written)
    return written;
  const std::lock_guard lock(mutex_);
  positions_.clear();
  return {};
}

result<void> table_progress::save(const std::map<std::int32_t, std::int64_t>& next, timestamp_t read_up_to,
                                  timestamp_t now) {
  std::vector<domain::row_change> rows;
  rows.reserve(next.size() + 1);
  for (const auto& [partition, offset] : next)
    rows.push_back({table_position_key(partition), encode_record(table_position_row{offset})});
  auto state = state_;
  state.alive_at = std::min(read_up_to, now);
  const bool is_news = state.alive_at - state_.alive_at >= alive_every_ms;
  if (is_news) rows.push_back({table_state_key(), encode_record(state)});
  // Records that come again change nothing: no position is worth an fsync.
  if (auto written = write_rows(*store_.log, std::move(rows), now, false); !written) return written;
  if (is_news) state_ = state;
  const std::lock_guard lock(mutex_);
  for (const auto& [partition, offset] : next) positions_[partition] = offset;
  return {};
}

result<void> table_progress::note_complete(timestamp_t now) {
  return write_state({state_.epoch, now, table_audit_kind::none}, {}, now);
}

result<void> table_progress::write_state(table_state_row state, std::vector<domain::row_change> rows, timestamp_t now) {
  rows.push_back({table_state_key(), encode_record(state)});
  if (auto written = write_rows(*store_.log, std::move(rows), now, true); !written) return written;
  state_ = state;
  epoch_ = state.epoch;
  return {};
}

}  // namespace social::kafka
