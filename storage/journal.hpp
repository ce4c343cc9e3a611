// ports::journal over RocksDB: a thin face before the commit thread, and the reading of records.
#pragma once

#include <string>

#include "actors/ports/store.hpp"
#include "storage/commit_thread.hpp"
#include "storage/engine.hpp"
#include "storage/heads.hpp"

namespace social::storage {

/// Owned by the store, which outlives every user. Thread-safe; reading may wait for the disk.
class rocks_journal final : public ports::journal {
 public:
  rocks_journal(commit_thread& commits, const database_gate& gate, const visible_heads& heads, watchers& watchers)
      : commits_(commits), gate_(gate), heads_(heads), watchers_(watchers) {}

  /// Once, before anybody else sees the journal.
  void set_store_id(std::string store_id) { store_id_ = std::move(store_id); }

  bool reserve() override { return commits_.reserve(); }
  void release() override { commits_.release(); }
  error refusal() const override { return commits_.refusal(); }
  void submit(ports::commit_request request, ports::commit_callback done) override;

  result<std::vector<ports::journal_record>> read(shard_t shard, std::uint64_t after, std::size_t records_max,
                                                  std::size_t bytes_max) const override;
  result<std::size_t> read_over(shard_t shard, std::uint64_t after, std::size_t records_max, std::size_t bytes_max,
                                std::vector<ports::journal_record>& out) const override;
  std::uint64_t head(shard_t shard) const override { return heads_.head(shard); }
  std::uint64_t oldest(shard_t shard) const override { return heads_.oldest(shard); }
  std::uint64_t watch(std::function<void()> moved) override { return watchers_.add(std::move(moved)); }
  void unwatch(std::uint64_t watcher) override { watchers_.remove(watcher); }
  std::uint64_t epoch() const override { return commits_.epoch(); }
  shard_t shards() const override { return heads_.shards(); }
  const std::string& store_id() const override { return store_id_; }

 private:
  commit_thread& commits_;
  const database_gate& gate_;
  const visible_heads& heads_;
  watchers& watchers_;
  std::string store_id_;
};

}  // namespace social::storage
