// Copies of a store that is being written, and what a restored one gives out.
#include <set>

#include "storage/backup.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/unit/storage/damage.hpp"

namespace social::storage::test {
namespace {

constexpr shard_t shards = 4;

/// Writes request after request, each with a row that says which it was; counts what was acknowledged.
class writer {
 public:
  explicit writer(rocks_store& store) : store_(store), thread_([this] { run(); }) {}
  ~writer() { stop(); }
  std::uint64_t acknowledged() const { return acknowledged_.load(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    auto* log = store_.ports().log;
    for (std::uint64_t n = 1; !stopping_; ++n) {
      answer done;
      if (!eventually([&] { return log->reserve(); })) return;
      log->submit(request(static_cast<shard_t>(n % shards), 1, n, "v" + std::to_string(n)), done.callback());
      if (!done.wait()) return;
      acknowledged_ = n;
    }
  }
  rocks_store& store_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> acknowledged_{0};
  std::thread thread_;
};

/// A store of which a copy is made so that the live log is copied, too: each step of the flush is followed by a write.
struct copied_store {
  scratch_directory directory;
  std::shared_ptr<social::test::fault_file_system> files = social::test::fault_file_system::make();
  storage_options options = [this] {
    auto out = options_in(directory.path() / "store", shards);
    out.file_system = files;
    out.sync_interval = 1h;
    return out;
  }();
  std::unique_ptr<rocks_store> store = open_or_fail(options);

  result<void> copy() {
    REQUIRE(commit(*store, request(0, 1, 1, "flushed")));
    std::atomic<int> written{0};
    files->set_sync_hook([&](const std::string& path) {
      if (path.find("/store/MANIFEST-") == std::string::npos) return;
      auto light = request(0, 1, 2, "in the log");
      light.may_skip_sync = true;
      answer done;
      if (!store->ports().log->reserve()) return;
      store->ports().log->submit(std::move(light), done.callback());
      if (done.wait()) ++written;
    });
    auto copied = store->copy_to(directory.path() / "copy");
    files->set_sync_hook(nullptr);
    CHECK(written > 0);
    return copied;
  }
};

std::uint64_t events_in(const ports::journal& log) {
  std::uint64_t events = 0;
  for (shard_t shard = 0; shard < log.shards(); ++shard)
    for (std::uint64_t after = 0;;) {
      const auto records = log.read(shard, after, 1000, 1 << 20).value();
      if (records.empty()) break;
      for (const auto& record : records) {
        if (record.events.front().kind != marker_kind) events += record.events.size();
        after = record.first_sequence + record.events.size() - 1;
      }
    }
  return events;
}

}  // namespace

TEST_CASE("a copy made under load holds everything acknowledged before it, whole", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path() / "store", shards));
  writer busy(*store);
  REQUIRE(eventually([&] { return busy.acknowledged() >= 200; }));
  const auto before = busy.acknowledged();
  const auto copied = store->copy_to(directory.path() / "copy");
  REQUIRE(copied.has_value());
  const auto mark = busy.acknowledged();
  REQUIRE(eventually([&] { return busy.acknowledged() >= mark + 50; }));  // it goes on
  busy.stop();

  const auto copy = open_or_fail(options_in(directory.path() / "copy", shards));
  std::uint64_t rows = 0;
  while (row_of(*copy, state_key(rows + 1))) ++rows;
  CHECK(rows >= before);
  CHECK(events_in(*copy->ports().log) == rows);  // a prefix: no row without its event, no event without its row
  CHECK(copy->ports().log->store_id() == store->ports().log->store_id());
}

TEST_CASE("after a copy of the live log a failed sync of it is noticed", "[storage][fault]") {
  copied_store it;
  REQUIRE(it.copy().has_value());
  std::uintmax_t log_bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(it.directory.path() / "copy"))
    if (entry.path().extension() == ".log") log_bytes += entry.file_size();
  REQUIRE(log_bytes > 0);
  REQUIRE(commit(*it.store, request(0, 1, 1, "synced")));
  const auto head = it.store->ports().log->head(0);
  const auto log = newest_log(it.options.path).string();
  it.files->fail({social::test::operation::sync, log, 1, true});
  const auto lost = commit(*it.store, request(0, 1, 3, "lost"));
  REQUIRE(lost.has_error());
  CHECK(lost.error().code == error_code::outcome_unknown);
  REQUIRE(eventually([&] { return it.store->accepting(); }));
  CHECK(row_of(*it.store, state_key(2)) == "in the log");
  CHECK(row_of(*it.store, state_key(3)) == std::nullopt);
  CHECK(commit(*it.store, request(0, 1, 4, "after")).value() == head + 1);
}

TEST_CASE("a copy of the log that fails is the copy's affair", "[storage][fault]") {
  copied_store it;
  it.files->fail({social::test::operation::append, "/copy.tmp/0", 0});
  REQUIRE(it.copy().has_error());
  CHECK(commit(*it.store, request(0, 1, 3, "goes on")));
  CHECK(it.store->accepting());
  CHECK(it.store->statistics().failed_writes == 0);
}

TEST_CASE("a copy is not made over something else", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path() / "store", shards));
  const auto copied = store->copy_to(directory.path());
  REQUIRE(copied.has_error());
  CHECK(copied.error().code == error_code::io_error);
  CHECK(copied.error().message.find(directory.path().string()) != std::string::npos);
}

TEST_CASE("after a restore no id and no event sequence is given out again", "[storage]") {
  const scratch_directory directory;
  std::set<id_t> given;
  std::vector<std::uint64_t> heads;
  {
    const auto store = open_or_fail(options_in(directory.path() / "store", shards));
    {
      writer busy(*store);
      REQUIRE(eventually([&] { return busy.acknowledged() >= 20; }));
    }
    REQUIRE(store->copy_to(directory.path() / "copy").has_value());
    auto* ids = store->ports().ids;
    for (shard_t shard = 0; shard < shards; ++shard) heads.push_back(store->ports().log->head(shard));
    for (int i = 0; i < 3000; ++i) {  // after the copy was taken, over the border of its block
      id_t id = 0;
      REQUIRE(eventually([&] { return (id = ids->take(domain::aggregate_kind::post, 1)) != 0; }));
      given.insert(id);
    }
  }
  const auto options = options_in(directory.path() / "copy", shards);
  REQUIRE(skip_ahead(options).has_value());
  const auto restored = open_or_fail(options);
  for (int i = 0; i < 2000; ++i) {
    id_t id = 0;
    REQUIRE(eventually([&] { return (id = restored->ports().ids->take(domain::aggregate_kind::post, 1)) != 0; }));
    CHECK(!given.contains(id));
  }
  auto* log = restored->ports().log;
  for (shard_t shard = 0; shard < shards; ++shard) {
    CHECK(log->head(shard) == heads[shard] + sequences_skipped);
    // A subscriber that stood at the old head reads the marker and is at the new one: nothing is behind, nothing
    // skipped.
    const auto records = log->read(shard, heads[shard], 10, 1 << 20).value();
    REQUIRE(records.size() == 1);
    CHECK(records.front().first_sequence == log->head(shard));
    CHECK(records.front().events.size() == 1);
    answer done;
    REQUIRE(log->reserve());
    log->submit(request(shard, 1, 1, "next"), done.callback());
    CHECK(done.wait().value() == heads[shard] + sequences_skipped + 1);
  }
}

}  // namespace social::storage::test
