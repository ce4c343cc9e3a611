// Power cuts: every acknowledged request is there afterwards, and none by half.
#include "storage/synced_mark.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

namespace {

using social::test::fault_file_system;
using social::test::power_cut;

constexpr shard_t shards = 4;

/// One request: two rows in two families and one event, all saying the same number.
ports::commit_request numbered(std::uint64_t number) {
  auto out = request(static_cast<shard_t>(number % shards), 1, number, std::string(100 + number % 400, 'v'));
  out.rows.push_back({{domain::table::like, 1, number, ""}, "l"});
  return out;
}

struct survey {
  std::size_t acknowledged = 0;
  std::size_t lost = 0;    ///< acknowledged and not there
  std::size_t halves = 0;  ///< some of its rows and events there, others not
  std::size_t holes = 0;   ///< sequences missing in the journal
};

/// Commits from several threads until the power goes at the `cut_at`th sync of the log (0: when all are answered).
std::vector<bool> work_until_dark(fault_file_system& files, const storage_options& options, power_cut mode,
                                  std::uint64_t seed, int cut_at, std::uint64_t count) {
  constexpr std::size_t threads = 4;
  auto store = open_or_fail(options);
  std::atomic<int> syncs{0};
  files.set_sync_hook([&](const std::string& path) {
    if (path.ends_with(".log") && ++syncs == cut_at) files.cut_power(mode, seed);
  });
  std::vector<answer> answers(count);
  std::vector<std::thread> submitters;
  submitters.reserve(threads);
  for (std::size_t t = 0; t < threads; ++t)
    submitters.emplace_back([&, t] {
      for (std::uint64_t i = t; i < count; i += threads) {
        if (!store->ports().log->reserve()) {
          answers[i].callback()(error{error_code::store_unavailable});
          continue;
        }
        store->ports().log->submit(numbered(i), answers[i].callback());
        if (i % 7 == 0 && !answers[i].wait()) continue;  // batches of many sizes
      }
    });
  for (auto& one : submitters) one.join();
  std::vector<bool> acknowledged;
  acknowledged.reserve(answers.size());
  for (auto& one : answers) acknowledged.push_back(one.wait().has_value());
  files.cut_power(mode, seed);
  files.set_sync_hook(nullptr);
  store.reset();
  files.restore_power();
  return acknowledged;
}

survey look(const storage_options& options, const std::vector<bool>& acknowledged) {
  survey out;
  const auto store = open_or_fail(options);
  std::vector<bool> in_journal(acknowledged.size());
  for (shard_t shard = 0; shard < shards; ++shard) {
    std::uint64_t expected = 1;
    for (const auto& record : store->ports().log->read(shard, 0, 1 << 20, 1 << 30).value()) {
      if (record.first_sequence != expected) ++out.holes;
      expected = record.first_sequence + record.events.size();
      in_journal[record.events[0].id] = true;
    }
    if (store->ports().log->head(shard) != expected - 1) ++out.holes;
  }
  for (std::uint64_t i = 0; i < acknowledged.size(); ++i) {
    const bool state = row_of(*store, state_key(i)).has_value();
    const bool like = row_of(*store, {domain::table::like, 1, i, ""}).has_value();
    if (acknowledged[i]) ++out.acknowledged;
    if (state != like || state != in_journal[i]) ++out.halves;
    if (acknowledged[i] && !state) ++out.lost;
  }
  return out;
}

storage_options options_on(const std::shared_ptr<fault_file_system>& files, const std::filesystem::path& path) {
  auto out = options_in(path, shards);
  out.file_system = files;
  out.mark_interval = 1ms;
  return out;
}

}  // namespace

TEST_CASE("a power cut loses nothing acknowledged and halves nothing", "[storage][fault]") {
  const auto mode = GENERATE(power_cut::drop, power_cut::zero, power_cut::tear);
  const auto cut_at = GENERATE(1, 2, 7, 30, 0);
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  const auto options = options_on(files, directory.path());
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    INFO("mode " << static_cast<int>(mode) << ", cut at sync " << cut_at << ", seed " << seed);
    auto fresh = options;
    fresh.path /= std::to_string(seed);
    const auto answers = work_until_dark(*files, fresh, mode, seed, cut_at, 400);
    const auto found = look(fresh, answers);
    CHECK(found.lost == 0);
    CHECK(found.halves == 0);
    CHECK(found.holes == 0);
    acknowledged += found.acknowledged;
  }
  if (cut_at == 0) CHECK(acknowledged == 1200);
}

TEST_CASE("a torn log is told from a damaged one, and the log says so", "[storage][fault]") {
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  auto options = options_on(files, directory.path());
  std::atomic<int> torn{0};
  options.log = [&](log_level, std::string_view sentence) {
    if (sentence.find("a power cut tore") != std::string_view::npos) ++torn;
  };
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    auto fresh = options;
    fresh.path /= std::to_string(seed);
    fresh.batch_bytes_max = std::size_t{1} << 20;
    auto store = open_or_fail(fresh);
    REQUIRE(commit(*store, numbered(1)));
    files->set_sync_hook([&](const std::string& path) {
      if (path.ends_with(".log")) files->cut_power(power_cut::tear, seed);
    });
    CHECK(!commit(*store, request(0, 1, 2, std::string(300'000, 'x'))));  // many log blocks, so that some are torn
    files->set_sync_hook(nullptr);
    store.reset();
    files->restore_power();
    const auto found = look(fresh, {false, true});
    CHECK(found.lost == 0);
    CHECK(found.holes == 0);
  }
  CHECK(torn > 0);
}

TEST_CASE("small tables and many log files do not change that", "[storage][fault]") {
  const auto mode = GENERATE(power_cut::drop, power_cut::zero, power_cut::tear);
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  auto options = options_on(files, directory.path());
  options.write_buffer_bytes = 64 << 10;  // below RocksDB's own minimum: the tables are as small as it allows
  options.log_bytes_max = 64 << 10;
  const auto found = look(options, work_until_dark(*files, options, mode, 5, 300, 6000));
  CHECK(found.lost == 0);
  CHECK(found.halves == 0);
  CHECK(found.holes == 0);
}

// The two tests above could only fail to see a missing fsync if a cut lost nothing. It does lose.
TEST_CASE("without the sync the same cut loses acknowledged requests", "[storage][fault]") {
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  auto options = options_on(files, directory.path());
  options.mode = durability::async;
  options.sync_interval = 1h;
  const auto found = look(options, work_until_dark(*files, options, power_cut::drop, 1, 0, 400));
  CHECK(found.acknowledged == 400);
  CHECK(found.lost > 0);
  CHECK(found.halves == 0);
  CHECK(found.holes == 0);
}

TEST_CASE("async loses a tail, never a middle", "[storage][fault]") {
  const auto mode = GENERATE(power_cut::drop, power_cut::zero, power_cut::tear);
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  auto options = options_on(files, directory.path());
  options.mode = durability::async;
  options.sync_interval = 2ms;
  options.write_buffer_bytes = 64 << 10;
  options.log_bytes_max = 64 << 10;
  for (int cut_at = 1; cut_at <= 40; cut_at += 3) {
    INFO("mode " << static_cast<int>(mode) << ", cut at sync " << cut_at);
    options.path = directory.path() / std::to_string(cut_at);
    const auto found = look(options, work_until_dark(*files, options, mode, 3, cut_at, 1500));
    CHECK(found.halves == 0);
    CHECK(found.holes == 0);
  }
}

TEST_CASE("a disk that lies about syncs is found out", "[storage][fault]") {
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  auto options = options_on(files, directory.path());
  options.mark_interval = 1h;  // the test writes the mark
  {
    auto store = open_or_fail(options);
    files->set_lying(true);
    for (std::uint64_t i = 0; i < 20; ++i) REQUIRE(commit(*store, numbered(i)));
    files->set_lying(false);
    write_mark(*files, options.path, {30, {}}).value();  // as the keeper would have, of what the disk said
    files->cut_power(power_cut::drop);
  }
  files->restore_power();
  const auto opened = rocks_store::open(options);
  REQUIRE(!opened);
  CHECK(opened.error().code == error_code::store_damaged);
}

TEST_CASE("power cuts over and over", "[storage][fault]") {
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  const auto options = options_on(files, directory.path());
  std::vector<bool> acknowledged;
  for (std::uint64_t round = 0; round < 12; ++round) {
    auto store = open_or_fail(options);
    std::atomic<int> syncs{0};
    files->set_sync_hook([&](const std::string& path) {
      if (path.ends_with(".log") && ++syncs == static_cast<int>(3 + round))
        files->cut_power(static_cast<power_cut>(round % 3), round);
    });
    for (bool up = true; up;) {
      if (!store->ports().log->reserve()) break;
      answer one;
      store->ports().log->submit(numbered(acknowledged.size()), one.callback());
      up = one.wait().has_value();
      acknowledged.push_back(up);
    }
    files->set_sync_hook(nullptr);
    store.reset();
    files->restore_power();
  }
  const auto found = look(options, acknowledged);
  CHECK(found.acknowledged > 50);
  CHECK(found.lost == 0);
  CHECK(found.halves == 0);
  CHECK(found.holes == 0);
}

TEST_CASE("power cuts while a store recovers from one", "[storage][fault]") {
  const auto mode = GENERATE(power_cut::drop, power_cut::zero, power_cut::tear);
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  auto options = options_on(files, directory.path());
  const auto acknowledged = work_until_dark(*files, options, mode, 7, 20, 400);
  options.mark_interval = 1h;  // so that the syncs are those of the recovery
  int cuts = 0;
  for (bool whole = false; !whole; ++cuts) {
    INFO("mode " << static_cast<int>(mode) << ", cut at sync " << cuts + 1 << " of a recovery");
    std::atomic<int> syncs{0};
    files->set_sync_hook([&, last = cuts + 1](const std::string&) {
      if (++syncs == last) files->cut_power(mode, static_cast<std::uint64_t>(last));
    });
    auto opened = rocks_store::open(options);
    whole = syncs <= cuts;
    files->set_sync_hook(nullptr);
    REQUIRE((!whole || opened));
    files->cut_power(mode, 1);
    if (opened) opened->reset();
    files->restore_power();
  }
  CHECK(cuts > 3);
  const auto found = look(options, acknowledged);
  CHECK(found.acknowledged > 0);
  CHECK(found.lost == 0);
  CHECK(found.halves == 0);
  CHECK(found.holes == 0);
}

}  // namespace social::storage::test
