#include "storage/rows.hpp"

namespace social::storage {

namespace {

using status = ports::row_value::status;

class rocks_snapshot final : public ports::snapshot {
 public:
  rocks_snapshot(std::shared_ptr<snapshot_book> book, const rocksdb::Snapshot* taken)
      : book_(std::move(book)), taken_(taken) {}
  ~rocks_snapshot() override {
    if (taken_ != nullptr) book_->give_back(taken_);
  }
  rocks_snapshot(const rocks_snapshot&) = delete;
  rocks_snapshot& operator=(const rocks_snapshot&) = delete;

  /// Null when the snapshot was taken before the store was reopened.
  [[nodiscard]] const rocksdb::Snapshot* in(const database& store) const noexcept {
    return store.snapshots() == book_ ? taken_ : nullptr;
  }

 private:
  std::shared_ptr<snapshot_book> book_;
  const rocksdb::Snapshot* taken_;
};

error not_open() {
  return {error_code::store_unavailable, "the store is being reopened"};
}
error stale() {
  return {error_code::store_unavailable, "the store was reopened since this snapshot was taken"};
}

/// False: `at` is stale.
bool read_at(rocksdb::ReadOptions& how, const ports::snapshot* at, const database& store) {
  if (at == nullptr) return true;
  how.snapshot = static_cast<const rocks_snapshot*>(at)->in(store);
  return how.snapshot != nullptr;
}

rocksdb::ReadOptions options_of(ports::read_tier tier) {
  rocksdb::ReadOptions how;
  if (tier == ports::read_tier::cache_only) how.read_tier = rocksdb::kBlockCacheTier;
  return how;
}

ports::row_value outcome(const rocksdb::Status& read, const rocksdb::Slice& bytes) {
  if (read.ok()) return {status::found, bytes.ToString(), {}};
  if (read.IsNotFound()) return {status::absent, {}, {}};
  if (read.IsIncomplete()) return {status::would_block, {}, {}};
  return {status::failed, {}, to_error(read)};
}

ports::row_value unreadable(ports::read_tier tier, error why) {
  if (tier == ports::read_tier::cache_only && why.code == error_code::store_unavailable)
    return {status::would_block, {}, {}};
  return {status::failed, {}, std::move(why)};
}

ports::scan_result unscannable(ports::read_tier tier, error why) {
  auto value = unreadable(tier, std::move(why));
  return {value.what, {}, std::move(value.failure)};
}

}  // namespace

struct rocks_rows::range {
  family where = family::state;
  std::string from;   ///< first key
  std::string until;  ///< first key that is not meant; empty: to the end
  std::size_t skip = 0;
  std::size_t rows_max = 0;
};

database_gate::lease rocks_rows::enter(ports::read_tier tier) const {
  return tier == ports::read_tier::cache_only ? gate_.enter() : gate_.enter(read_wait_max_);
}

ports::row_value rocks_rows::get(const domain::row_key& key, ports::read_tier tier, const ports::snapshot* at) const {
  const auto inside = enter(tier);
  if (!inside) return unreadable(tier, not_open());
  auto how = options_of(tier);
  if (!read_at(how, at, *inside)) return {status::failed, {}, stale()};
  thread_local std::string name;
  name.clear();
  append_row_key(name, key);
  auto& hot = inside->hot_rows();
  const bool keeps = at == nullptr && hot.keeps(name);
  row_cache::ticket ticket;
  if (keeps)
    if (auto known = hot.find(name, ticket)) return {status::found, std::move(*known), {}};
  rocksdb::PinnableSlice bytes;
  const auto read = inside->db().Get(how, inside->handle(family_of(key.where)), name, &bytes);
  // Of a key that may lie in a table that is not open RocksDB 7.8 says "found" at this tier, with an empty value (issue
  // 8453): only the disk knows. Rows that are empty indeed are read twice for it.
  if (tier == ports::read_tier::cache_only && read.ok() && bytes.empty()) return {status::would_block, {}, {}};
  if (keeps && read.ok()) hot.offer(name, bytes.ToStringView(), ticket);
  return outcome(read, bytes);
}

std::vector<ports::row_value> rocks_rows::get_many(const std::vector<domain::row_key>& keys, ports::read_tier tier,
                                                   const ports::snapshot* at) const {
  std::vector<ports::row_value> out;
  out.reserve(keys.size());
  // RocksDB 7.8's MultiGet reads the disk whatever the tier says (a test holds it); single reads do as they are told.
  if (tier == ports::read_tier::cache_only || keys.size() < 2) {
    for (const auto& key : keys) out.push_back(get(key, tier, at));
    return out;
  }
  const auto inside = enter(tier);
  auto how = options_of(tier);
  if (!inside) return {keys.size(), unreadable(tier, not_open())};
  if (!read_at(how, at, *inside)) return {keys.size(), ports::row_value{status::failed, {}, stale()}};
  std::vector<std::string> names;
  std::vector<rocksdb::Slice> slices;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  names.reserve(keys.size());
  for (const auto& key : keys) {
    names.push_back(encode_row_key(key));
    slices.emplace_back(names.back());
    families.push_back(inside->handle(family_of(key.where)));
  }
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> reads(keys.size());
  inside->db().MultiGet(how, keys.size(), families.data(), slices.data(), values.data(), reads.data());
  for (std::size_t i = 0; i < keys.size(); ++i) out.push_back(outcome(reads[i], values[i]));
  return out;
}

ports::scan_result rocks_rows::scan(const ports::scan_request& request, ports::read_tier tier,
                                    const ports::snapshot* at) const {
  range what{family_of(request.where), row_prefix(request.where, request.a), {}, request.skip, request.rows_max};
  what.until = end_of_prefix(what.from);
  if (request.after_b) {
    what.from = end_of_prefix(row_prefix(request.where, request.a, *request.after_b));
    if (what.from >= what.until) return {};
  }
  return scan_range(what, tier, at);
}

ports::scan_result rocks_rows::scan_table(domain::table where, const std::optional<domain::row_key>& after,
                                          std::uint64_t a_max, std::size_t rows_max, const ports::snapshot* at) const {
  range what{family_of(where), row_prefix(where), end_of_prefix(row_prefix(where, a_max)), 0, rows_max};
  if (after) {
    what.from = encode_row_key(*after);
    what.from.push_back('\0');  // the smallest key greater than it
  }
  return scan_range(what, ports::read_tier::disk, at);
}

ports::scan_result rocks_rows::scan_range(const range& what, ports::read_tier tier, const ports::snapshot* at) const {
  ports::scan_result out;
  if (what.rows_max == 0) return out;
  const auto inside = enter(tier);
  if (!inside) return unscannable(tier, not_open());
  auto how = options_of(tier);
  if (!read_at(how, at, *inside)) return {status::failed, {}, stale()};
  const rocksdb::Slice until(what.until);
  if (!what.until.empty()) how.iterate_upper_bound = &until;
  const std::unique_ptr<rocksdb::Iterator> rows(inside->db().NewIterator(how, inside->handle(what.where)));
  std::size_t skip = what.skip;
  for (rows->Seek(what.from); rows->Valid(); rows->Next()) {
    if (skip != 0) {
      --skip;
      continue;
    }
    auto key = decode_row_key(rows->key().ToStringView());
    if (!key) return {status::failed, {}, {error_code::corrupt_record, "a row key is too short"}};
    out.rows.push_back({std::move(*key), rows->value().ToString()});
    if (out.rows.size() == what.rows_max) return out;
  }
  const auto read = rows->status();
  if (read.ok()) return out;
  if (read.IsIncomplete()) return {status::would_block, {}, {}};
  return {status::failed, {}, to_error(read)};
}

std::shared_ptr<const ports::snapshot> rocks_rows::take_snapshot() const {
  const auto inside = gate_.enter();
  if (!inside) return std::make_shared<rocks_snapshot>(nullptr, nullptr);  // stale from the beginning
  return std::make_shared<rocks_snapshot>(inside->snapshots(), inside->snapshots()->take());
}

}  // namespace social::storage
