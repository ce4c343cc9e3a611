// The beginning of the journal goes when it is old and nobody waits for it.
#include "storage/request.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {
namespace {

constexpr timestamp_t long_ago = 1'000'000;

/// Records of two events each, one millisecond apart.
void write(rocks_store& store, shard_t shard, std::uint64_t records, timestamp_t first = long_ago) {
  auto* log = store.ports().log;
  for (std::uint64_t n = 0; n < records; ++n) {
    auto one = request(shard, 2, n + 1, "v" + std::to_string(n));
    one.time = first + static_cast<timestamp_t>(n);
    answer done;
    REQUIRE(log->reserve());
    log->submit(std::move(one), done.callback());
    REQUIRE(done.wait().has_value());
  }
}

std::vector<std::uint64_t> kept(const ports::journal& log, shard_t shard) {
  std::vector<std::uint64_t> firsts;
  for (const auto& record : log.read(shard, 0, 1000, 1 << 20).value()) firsts.push_back(record.first_sequence);
  return firsts;
}

constexpr std::uint64_t nobody_waits = ~std::uint64_t{0};
constexpr timestamp_t all_old = long_ago + 1'000'000;

}  // namespace

TEST_CASE("what is old and read by all goes, whole records, of that shard alone", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  {
    const auto store = open_or_fail(options);
    auto* log = store->ports().log;
    write(*store, 1, 5);
    write(*store, 2, 5);
    CHECK(store->trim_journal(1, 5, all_old, 100).value() == 4);  // the third record is read in part only
    CHECK(kept(*log, 1) == std::vector<std::uint64_t>{5, 7, 9});
    CHECK(log->oldest(1) == 5);
    CHECK(log->head(1) == 10);
    CHECK(store->trim_journal(1, 5, all_old, 100).value() == 0);
    CHECK(store->trim_journal(2, nobody_waits, long_ago + 2, 100).value() == 4);
    CHECK(kept(*log, 2) == std::vector<std::uint64_t>{5, 7, 9});
    CHECK(store->trim_journal(3, nobody_waits, all_old, 100).value() == 0);  // an empty one
    CHECK(log->oldest(3) == 0);
  }
  const auto again = open_or_fail(options);
  CHECK(again->ports().log->oldest(1) == 5);
  CHECK(kept(*again->ports().log, 1) == std::vector<std::uint64_t>{5, 7, 9});
  CHECK(row_of(*again, state_key(1)).has_value());  // rows are the truth, they stay
}

TEST_CASE("the newest record stays, so that sequences are counted on", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  {
    const auto store = open_or_fail(options);
    write(*store, 1, 3);
    CHECK(store->trim_journal(1, nobody_waits, all_old, 100).value() == 4);
    CHECK(kept(*store->ports().log, 1) == std::vector<std::uint64_t>{5});
  }
  const auto again = open_or_fail(options);
  CHECK(again->ports().log->head(1) == 6);
  write(*again, 1, 1);
  CHECK(again->ports().log->head(1) == 8);
}

TEST_CASE("what is not synced does not count as the newest record", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  options.mode = durability::async;
  options.sync_interval = 1h;
  const auto store = open_or_fail(options);
  auto old = request(1, 2, 1, "synced");
  old.time = long_ago;
  old.must_sync = true;
  REQUIRE(commit(*store, old));
  write(*store, 1, 1, long_ago + 1);  // a failed sync could take it back
  CHECK(store->ports().log->head(1) == 2);
  CHECK(store->trim_journal(1, nobody_waits, all_old, 100).value() == 0);
  REQUIRE(commit(*store, old));
  CHECK(store->ports().log->head(1) == 6);
  CHECK(store->trim_journal(1, nobody_waits, all_old, 100).value() == 4);
  CHECK(kept(*store->ports().log, 1) == std::vector<std::uint64_t>{5});
}

TEST_CASE("a trim belongs to the epoch of its plan", "[storage]") {
  CHECK(prepare_trim(1, 5, 7).epoch == 7);  // a store reopened since refuses it (test_failure)
}

TEST_CASE("a long journal is trimmed step by step", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path()));
  write(*store, 0, 25);
  CHECK(store->trim_journal(0, nobody_waits, all_old, 10).value() == 20);
  CHECK(store->trim_journal(0, nobody_waits, all_old, 10).value() == 20);
  CHECK(store->trim_journal(0, nobody_waits, all_old, 10).value() == 8);
  CHECK(store->trim_journal(0, nobody_waits, all_old, 10).value() == 0);
}

TEST_CASE("a store that is closed trims nothing", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path()));
  write(*store, 0, 5);
  store->close();
  CHECK(store->trim_journal(0, nobody_waits, all_old, 10).has_error());
}

}  // namespace social::storage::test
