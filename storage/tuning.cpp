#include "storage/tuning.hpp"

#include <algorithm>
#include <array>

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include "storage/keys.hpp"

namespace social::storage {

namespace {

/// LZ4 costs next to nothing and halves text; a RocksDB built without it stores plain blocks.
rocksdb::CompressionType compression() {
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has = std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return has ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::BlockBasedTableOptions table_tuning(family where, const memory_budget& memory) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory.block_cache;
  // Index and filter blocks live in the cache, so that the cache is the one bound of memory however much data there is.
  // Level 0 stays pinned: it is small and every read asks it.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  // Journal records are found by order, never by name: a filter would be dead weight. They are read one after the
  // other, so larger blocks are opened less often, and compress better.
  if (where == family::journal)
    table.block_size = std::size_t{16} << 10;
  else
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // What was just written is what is read next. Of 120,000 rows written once, the cache tier then answers all; without
  // this 11 %, because every flush sends its rows to the disk readers once more.
  if (where == family::state || where == family::view)
    table.prepopulate_block_cache = rocksdb::BlockBasedTableOptions::PrepopulateBlockCache::kFlushOnly;
  // Rows are looked up singly far more often than scanned: a hash index in each block saves the binary search.
  if (where == family::state || where == family::view)
    table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  return table;
}

/// Insertion hints: the memtable looks for a new row's place from where the last row with the same hint went, instead
/// of from the top, which is most of what writing costs the commit thread. RocksDB takes the result of Transform as the
/// name of a hint and for nothing else: it checks whether a hint fits, and looks from higher up where it does not. So
/// it need be no prefix, and a fixed number of them serves any number of owners. One takes some 200 bytes of a
/// memtable.
class row_hints final : public rocksdb::SliceTransform {
 public:
  row_hints() {
    for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i] = static_cast<std::uint16_t>(i);
  }
  const char* Name() const override { return "social.row-hints"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the upper bits of the product.
    const auto slot = (neighbourhood(key) * 0x9E3779B97F4A7C15U) >> (64 - slot_bits);
    return {reinterpret_cast<const char*>(&slots_[slot]), sizeof slots_[slot]};
  }
  /// The tables that grow by a row, or change one, with each command. Names and outcomes of commands come in no order.
  bool InDomain(const rocksdb::Slice& key) const override {
    if (key.size() < row_key_size_min) return false;
    const auto where = static_cast<domain::table>(key[0]);
    return family_of(where) == family::state || newest_first(where) || where == domain::table::like;
  }

 private:
  /// Equal for rows that come next to each other: states of one kind and shard, whose ids grow; the counts of one
  /// aggregate, whose newer value goes before the older one; rows of one owner or post.
  static std::uint64_t neighbourhood(const rocksdb::Slice& key) {
    const auto where = static_cast<domain::table>(key[0]);
    std::uint64_t about = static_cast<std::uint8_t>(key[0]);
    const auto add = [&](std::size_t from, std::size_t to) {
      for (; from < to; ++from) about = about * 257 + static_cast<std::uint8_t>(key[from]);
    };
    add(1, 9);
    if (where == domain::table::counts) add(9, 17);
    return about;
  }

  static constexpr int slot_bits = 12;
  std::array<std::uint16_t, std::size_t{1} << slot_bits> slots_{};  ///< what the memtable tells them apart by
};

/// Events of one shard share a hint. RocksDB 7.8 would use it for range deletions, too, which lie in a list of their
/// own, and abort: so these begin with a key of another size (encode_trim_bound), which has none.
class journal_hints final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "social.journal-hints"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), sizeof(shard_t)}; }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() == std::tuple_size_v<journal_key_bytes>; }
};

std::shared_ptr<const rocksdb::SliceTransform> insert_hints(family where) {
  if (where == family::state || where == family::view) return std::make_shared<row_hints>();
  if (where == family::journal) return std::make_shared<journal_hints>();
  return nullptr;
}

rocksdb::ColumnFamilyOptions tune(family where, const storage_options& options, const memory_budget& memory) {
  rocksdb::ColumnFamilyOptions out;
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_tuning(where, memory)));
  out.compression = compression();
  // The budget flushes the oldest table first; a single one may use a quarter of it before that.
  out.write_buffer_size = std::max<std::size_t>(options.write_buffer_bytes / 4, std::size_t{1} << 20);
  // Grows in small steps: besides their filters five families of two stores stay below 2 MiB while they are empty.
  out.arena_block_size = std::size_t{64} << 10;
  out.level_compaction_dynamic_level_bytes = true;
  // A flush of a family is some 4 MiB, and the first compaction rewrites all that level 1 has: with RocksDB's 256 MiB
  // and four flushes at a time that was most of what a small store wrote, and up to a fifth of the processor. So level
  // 1 is about as large as what comes down at once, and files are small enough that those which nothing falls into
  // stay. They double from level to level: the table cache (open_files_max) still covers some ten GiB.
  out.level0_file_num_compaction_trigger = 8;
  out.max_bytes_for_level_base = std::size_t{64} << 20;
  out.target_file_size_base = std::size_t{16} << 20;
  out.target_file_size_multiplier = 2;
  out.memtable_insert_with_hint_prefix_extractor = insert_hints(where);
  // Most lookups ask for what is not in memory: a like that is new, an account of last week. A filter of the whole key
  // answers that in place of a search from the top: a tenth of what a like costs the server.
  if (where == family::state || where == family::view) {
    out.memtable_prefix_bloom_size_ratio = 0.02;
    out.memtable_whole_key_filtering = true;
  }
  // Work queues are scanned from their front, where deleted entries gather: files full of them are compacted early.
  if (where == family::delivery)
    out.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(4096, 2048));
  return out;
}

}  // namespace

memory_budget::memory_budget(std::size_t block_cache_bytes, std::size_t write_buffer_bytes)
    // Four shards: enough for a handful of reader threads, and the tables of an empty cache stay small.
    : block_cache(rocksdb::NewLRUCache(block_cache_bytes, 2, false, 0.3)),
      write_buffers(std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes)) {}

std::shared_ptr<memory_budget> make_memory_budget(std::size_t block_cache_bytes, std::size_t write_buffer_bytes) {
  return std::make_shared<memory_budget>(block_cache_bytes, write_buffer_bytes);
}

rocksdb::DBOptions database_tuning(const storage_options& options, const memory_budget& memory) {
  rocksdb::DBOptions out;
  out.create_if_missing = true;
  out.create_missing_column_families = true;
  out.paranoid_checks = true;
  out.write_buffer_manager = memory.write_buffers;
  out.max_open_files = options.open_files_max;
  out.table_cache_numshardbits = 2;
  // One flush and one compaction at a time, on threads that all stores of the process share.
  out.max_background_jobs = 2;
  out.max_file_opening_threads = 1;
  out.max_total_wal_size = options.log_bytes_max;
  // Says Corruption instead of silently dropping what follows a damaged record; engine::open decides what then.
  out.track_and_verify_wals_in_manifest = true;
  // A recycled file holds old records behind the new ones, which defeats both lines above.
  out.recycle_log_file_num = 0;
  // There is one writer: the machinery that lets several share a batch and a memtable only costs.
  out.allow_concurrent_memtable_write = false;
  out.enable_write_thread_adaptive_yield = false;
  out.bytes_per_sync = std::size_t{1} << 20;
  out.max_manifest_file_size = std::size_t{16} << 20;
  // No statistics threads, no file statistics at start: opening is quick.
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  out.skip_stats_update_on_db_open = true;
  // The commit thread reopens after a failure; a second recovery inside RocksDB would race with it.
  out.max_bgerror_resume_count = 0;
  return out;
}

std::vector<rocksdb::ColumnFamilyDescriptor> family_tuning(const storage_options& options,
                                                           const memory_budget& memory) {
  std::vector<rocksdb::ColumnFamilyDescriptor> out;
  out.reserve(family_count);
  for (std::size_t i = 0; i < family_count; ++i)
    out.emplace_back(std::string(family_names[i]), tune(static_cast<family>(i), options, memory));
  return out;
}

}  // namespace social::storage
