// Faults that hit tables, manifests and the directory while the log is well: RocksDB meets them on its own threads.
// They are noticed without a write, nothing is written until the store is back, and nothing is lost.
#include <pthread.h>

#include "tests/support/fault_file_system.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

namespace {

using social::test::fault_file_system;
using social::test::operation;

struct flushing_store {
  scratch_directory directory;
  std::shared_ptr<fault_file_system> files = fault_file_system::make();
  std::mutex mutex;
  std::string said;
  storage_options options = [this] {
    auto out = options_in(directory.path() / "store");
    out.file_system = files;
    out.mark_interval = 1h;  // what fails is RocksDB's
    out.log = [this](log_level, std::string_view sentence) {
      const std::lock_guard lock(mutex);
      said.append(sentence).append("\n");
    };
    return out;
  }();
  std::unique_ptr<rocks_store> store = open_or_fail(options);
  std::uint64_t written = 0;

  void write(std::uint64_t count) {
    for (const auto last = written + count; written < last;) {
      ++written;
      auto one = request(0, 1, written, std::string(200, 'v'));
      one.rows.push_back({state_key(1'000'000), "again"});  // tables that do not overlap would only be moved
      REQUIRE(commit(*store, one).value() == written);
    }
  }
  /// What is in the log comes into tables.
  result<void> flush() {
    const auto copy = directory.path() / "copy";
    auto made = store->copy_to(copy);
    std::filesystem::remove_all(copy);
    return made;
  }
  void check_all_there() {
    CHECK(store->ports().log->head(0) == written);
    for (std::uint64_t i = 1; i <= written; ++i) REQUIRE(row_of(*store, state_key(i)).has_value());
  }
};

bool in_a_compaction() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof(name));
  return std::string_view(name) == "rocksdb:low";
}

}  // namespace

TEST_CASE("a flush that fails is noticed without a write, and the store comes back when it can", "[storage][fault]") {
  flushing_store it;
  it.write(30);
  const auto epoch = it.store->ports().log->epoch();
  auto stale = request(0, 1, 99, "decided before");
  stale.epoch = epoch;
  const auto what = GENERATE(operation::append, operation::sync, operation::create);
  const std::string kind = GENERATE(".sst", "MANIFEST-");
  if (kind == "MANIFEST-" && what == operation::create) return;  // a flush makes none
  const bool no_space = GENERATE(false, true);
  INFO(kind << " operation " << static_cast<int>(what) << (no_space ? ", no space" : ""));
  it.files->fail({what, kind, 0, false, no_space});
  CHECK(it.flush().has_error());
  REQUIRE(eventually([&] { return it.store->statistics().reopen_failures >= 2; }));  // recovery makes tables, too
  CHECK_FALSE(it.store->accepting());
  CHECK_FALSE(it.store->ports().log->reserve());
  CHECK(it.store->ports().log->refusal().code == error_code::store_unavailable);
  CHECK(it.store->statistics().failed_writes == 1);
  it.files->clear_faults();
  REQUIRE(eventually([&] { return it.store->accepting(); }));
  CHECK(it.store->statistics().failed_writes == 1);
  CHECK(commit(*it.store, stale).error().code == error_code::store_unavailable);
  it.check_all_there();
  it.write(5);
  REQUIRE(it.flush());
  it.store.reset();
  it.store = open_or_fail(it.options);
  it.check_all_there();
}

TEST_CASE("a directory that cannot be synced once is noticed", "[storage][fault]") {
  flushing_store it;
  it.write(30);
  it.files->fail({operation::sync_directory, "/store", 1});
  CHECK(it.flush().has_error());
  REQUIRE(eventually([&] { return it.store->statistics().reopens == 1 && it.store->accepting(); }));
  it.check_all_there();
  it.write(5);
}

TEST_CASE("a compaction that fails is noticed without a write", "[storage][fault]") {
  constexpr int tables_until_compaction = 8;  // of a family: storage/tuning.cpp
  const bool no_space = GENERATE(false, true);
  flushing_store it;
  std::atomic<int> hit{0};
  it.files->set_sync_hook([&](const std::string& path) {
    if (path.ends_with(".sst") && in_a_compaction() && hit++ == 0)
      it.files->fail({operation::sync, path, 1, false, no_space});
  });
  for (int table = 1; table < tables_until_compaction; ++table) {
    it.write(5);
    REQUIRE(it.flush());
  }
  it.write(5);
  (void)it.flush();  // RocksDB compacts them
  REQUIRE(eventually([&] { return hit > 0; }));
  REQUIRE(eventually([&] { return it.store->statistics().reopens >= 1 && it.store->accepting(); }));
  it.files->set_sync_hook(nullptr);
  it.check_all_there();
  it.write(5);
  REQUIRE(it.flush());
  CHECK(it.store->accepting());
}

}  // namespace social::storage::test
