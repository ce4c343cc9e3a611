#include "storage/stopped_store.hpp"

#include <map>

#include "storage/engine.hpp"
#include "storage/heads.hpp"
#include "storage/rows.hpp"
#include "storage/synced_mark.hpp"
#include "storage/verify.hpp"

namespace social::storage {

namespace {

/// RocksDB's own lock, which its read-only mode does not take.
class store_lock {
 public:
  store_lock() = default;
  ~store_lock() {
    if (held_ != nullptr) files_->UnlockFile(held_, rocksdb::IOOptions(), nullptr).PermitUncheckedError();
  }
  store_lock(const store_lock&) = delete;
  store_lock& operator=(const store_lock&) = delete;

  /// A store that has never been opened by a server has no lock file, such as a copy: then nobody can hold it, and none
  /// is made.
  result<void> take(rocksdb::FileSystem& files, const std::filesystem::path& store) {
    const auto path = (store / "LOCK").string();
    if (files.FileExists(path, rocksdb::IOOptions(), nullptr).IsNotFound()) return {};
    const auto status = files.LockFile(path, rocksdb::IOOptions(), &held_, nullptr);
    if (status.ok()) {
      files_ = &files;
      return {};
    }
    return error{error_code::store_locked, "the store in " + store.string() +
                                               " is in use by another process: stop that process first (" +
                                               status.ToString() + ")"};
  }

 private:
  rocksdb::FileSystem* files_ = nullptr;
  rocksdb::FileLock* held_ = nullptr;
};

class read_only_journal final : public ports::journal {
 public:
  explicit read_only_journal(const database_gate& gate) : gate_(gate) {}

  result<void> load(database& store) {
    auto ranges = load_ranges(store, store.meta().shards);
    if (!ranges) return ranges.error();
    ranges_ = std::move(*ranges);
    store_id_ = store.meta().store_id;
    return {};
  }

  bool reserve() override { return false; }
  void release() override {}
  error refusal() const override { return {error_code::store_unavailable, "the store was opened for reading"}; }
  void submit(ports::commit_request /*request*/, ports::commit_callback done) override {
    if (done) done(refusal());
  }
  result<std::vector<ports::journal_record>> read(shard_t shard, std::uint64_t after, std::size_t records_max,
                                                  std::size_t bytes_max) const override {
    const auto inside = gate_.enter();
    if (!inside) return refusal();
    return read_records(*inside, shard, after, records_max, bytes_max);
  }
  std::uint64_t head(shard_t shard) const override { return shard < ranges_.size() ? ranges_[shard].head : 0; }
  std::uint64_t oldest(shard_t shard) const override { return shard < ranges_.size() ? ranges_[shard].oldest : 0; }
  std::uint64_t watch(std::function<void()> /*moved*/) override { return 0; }  // nothing moves
  void unwatch(std::uint64_t /*watcher*/) override {}
  std::uint64_t epoch() const override { return 1; }
  shard_t shards() const override { return static_cast<shard_t>(ranges_.size()); }
  const std::string& store_id() const override { return store_id_; }

 private:
  const database_gate& gate_;
  std::vector<journal_range> ranges_;
  std::string store_id_;
};

/// Without its heads and id blocks there is nothing that the rest could be compared with.
error unreadable(const error& why, const std::filesystem::path& store) {
  constexpr std::string_view advice = "restore a backup into an empty data directory";
  std::string sentence = "the store in " + store.string() + " cannot be looked through: " + std::string(why.text());
  if (!sentence.ends_with(advice)) sentence.append("; ").append(advice);
  return {why.code, std::move(sentence)};
}

}  // namespace

struct stopped_store::parts {
  explicit parts(const storage_options& options)
      : machine(options), log(gate), rows(gate, std::chrono::milliseconds(0)) {}
  ~parts() { gate.close().reset(); }

  engine machine;
  store_lock lock;
  database_gate gate;
  read_only_journal log;
  rocks_rows rows;
  id_blocks ids;
};

stopped_store::stopped_store(std::unique_ptr<parts> parts) : parts_(std::move(parts)) {}
stopped_store::~stopped_store() = default;

bool stopped_store::is_at(const std::filesystem::path& path) {
  std::error_code failed;
  // The mark: one without CURRENT is a damaged store, not none.
  return std::filesystem::exists(path / "CURRENT", failed) || std::filesystem::exists(mark_path(path), failed);
}

result<std::unique_ptr<stopped_store>> stopped_store::open(const storage_options& options) {
  if (!is_at(options.path))
    return error{error_code::io_error,
                 "there is no store in " + options.path.string() + ": name the data directory with --data"};
  auto made = std::make_unique<parts>(options);
  if (auto locked = made->lock.take(made->machine.files(), options.path); !locked) return locked.error();
  auto store = made->machine.open_read_only();
  if (!store) return store.error();
  if (auto loaded = made->log.load(**store); !loaded) return unreadable(loaded.error(), options.path);
  auto ids = read_id_blocks(**store);
  if (!ids) return unreadable(ids.error(), options.path);
  made->ids = std::move(*ids);
  made->gate.open(std::move(*store));
  return std::unique_ptr<stopped_store>(new stopped_store(std::move(made)));
}

const ports::row_reader& stopped_store::rows() const noexcept {
  return parts_->rows;
}
const ports::journal& stopped_store::log() const noexcept {
  return parts_->log;
}

std::uint64_t stopped_store::ids_below(domain::aggregate_kind kind, shard_t shard) const {
  const auto found = parts_->ids.find({static_cast<std::uint8_t>(kind), shard});
  return found == parts_->ids.end() ? 1 : found->second;
}

walked stopped_store::walk(const ports::finding_sink& report) const {
  const auto inside = parts_->gate.enter();
  return walk_store(*inside, report);
}

}  // namespace social::storage
