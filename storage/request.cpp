#include "storage/request.hpp"

#include "storage/values.hpp"

namespace social::storage {

namespace {

/// What RocksDB adds to a row in a batch: type, family and two lengths.
constexpr std::size_t row_overhead_bytes = 12;

}  // namespace

prepared_request prepare(ports::commit_request request) {
  prepared_request out;
  out.shard = request.shard;
  out.events = static_cast<std::uint32_t>(request.events.size());
  out.epoch = request.epoch;
  out.must_sync = request.must_sync;
  out.may_skip_sync = request.may_skip_sync && !request.must_sync;
  if (out.events != 0) out.journal_value = encode_journal_value(request);
  out.bytes = out.journal_value.size() + row_overhead_bytes;
  std::size_t key_bytes = 0;
  for (const auto& row : request.rows) key_bytes += row_key_size_min + row.key.text.size();
  out.keys.reserve(key_bytes);
  out.rows.reserve(request.rows.size());
  for (auto& row : request.rows) {
    const auto before = out.keys.size();
    append_row_key(out.keys, row.key);
    out.bytes += row_overhead_bytes + (row.value ? row.value->size() : 0);
    out.rows.push_back(
        {family_of(row.key.where), static_cast<std::uint32_t>(out.keys.size() - before), std::move(row.value)});
  }
  out.bytes += out.keys.size();
  return out;
}

prepared_request prepare_meta(std::string key, std::string value) {
  prepared_request out;
  out.must_sync = true;
  out.bytes = key.size() + value.size() + row_overhead_bytes;
  out.rows.push_back({family::meta, static_cast<std::uint32_t>(key.size()), std::move(value)});
  out.keys = std::move(key);
  return out;
}

prepared_request prepare_trim(shard_t shard, std::uint64_t below, std::uint64_t epoch) {
  prepared_request out;
  out.shard = shard;
  out.epoch = epoch;
  out.may_skip_sync = true;
  out.trim_below = below;
  out.bytes = row_overhead_bytes + 2 * std::tuple_size_v<journal_key_bytes>;
  return out;
}

}  // namespace social::storage
