// Ids: blocks, reopening, concurrency.
#include <set>

#include "storage/ids.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

namespace {
constexpr auto kind = domain::aggregate_kind::post;
}

TEST_CASE("ids begin with sequence 1 and name their shard", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path(), 4));
  CHECK(store->ports().ids->take(kind, 3) == 0);  // no block yet
  CHECK(take_id(*store, kind, 3) == 1 * 4 + 3);
  CHECK(take_id(*store, kind, 3) == 2 * 4 + 3);
  CHECK(take_id(*store, kind, 0) == 4);
  CHECK(take_id(*store, domain::aggregate_kind::user, 3) == 7);  // kinds count on their own
  CHECK(take_id(*store, static_cast<domain::aggregate_kind>(200), 3) == 7);
}

TEST_CASE("ids go on without a gap from block to block while the store is open", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path(), 4));
  for (std::uint64_t sequence = 1; sequence <= 5 * id_block_size; ++sequence)
    REQUIRE(take_id(*store, kind, 1) == sequence * 4 + 1);
}

TEST_CASE("the next block is there before the last one is used up", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path(), 4));
  REQUIRE(take_id(*store, kind, 1) != 0);
  for (std::uint64_t i = 1; i < id_block_size - id_block_low; ++i) REQUIRE(store->ports().ids->take(kind, 1) != 0);
  CHECK(store->statistics().id_blocks == 1);
  REQUIRE(store->ports().ids->take(kind, 1) != 0);
  CHECK(eventually([&] { return store->statistics().id_blocks == 2; }));
  for (std::uint64_t i = 0; i < id_block_size; ++i) REQUIRE(store->ports().ids->take(kind, 1) != 0);
}

TEST_CASE("no id is given twice after reopening, with every durability", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path(), 4);
  options.mode = GENERATE(durability::sync, durability::async);
  std::set<id_t> seen;
  for (int round = 0; round < 4; ++round) {
    const auto store = open_or_fail(options);
    for (int i = 0; i < 1500; ++i) REQUIRE(seen.insert(take_id(*store, kind, 2)).second);
  }
}

TEST_CASE("no id is given twice after a power cut at any sync", "[storage]") {
  const scratch_directory directory;
  const auto files = social::test::fault_file_system::make();
  auto options = options_in(directory.path(), 2);
  options.file_system = files;
  options.mode = durability::async;
  options.sync_interval = 1h;
  std::set<id_t> seen;
  for (int round = 1; round <= 12; ++round) {
    auto store = open_or_fail(options);
    std::atomic<int> left = round % 4;
    files->set_sync_hook([&](const std::string& path) {
      if (path.ends_with(".log") && --left < 0) files->cut_power(social::test::power_cut::drop, 1);
    });
    for (int i = 0; i < 3000; ++i) {
      const auto id = take_id(*store, kind, 1);
      if (id == 0) break;
      REQUIRE(seen.insert(id).second);
    }
    files->set_sync_hook(nullptr);
    files->cut_power(social::test::power_cut::drop);
    store.reset();
    files->restore_power();
  }
  CHECK(!seen.empty());
}

TEST_CASE("threads take different ids", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path(), 4));
  std::vector<std::vector<id_t>> taken(4);
  std::vector<std::thread> threads;
  for (auto& mine : taken)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) mine.push_back(take_id(*store, kind, 1));
    });
  for (auto& thread : threads) thread.join();
  std::set<id_t> all;
  for (const auto& mine : taken) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 8000);
  CHECK(*all.begin() == 5);
  CHECK(*all.rbegin() == 8000 * 4 + 1);
}

}  // namespace social::storage::test
