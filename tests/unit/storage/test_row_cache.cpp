// Rows that are kept in memory for lookups: bounded, never older than what somebody was told, gone with the opening.
#include "storage/keys.hpp"
#include "storage/row_cache.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

namespace {

using domain::table;
using social::test::fault_file_system;
using social::test::operation;
using status = ports::row_value::status;
constexpr auto cached = ports::read_tier::cache_only;
constexpr auto user_kind = static_cast<std::uint64_t>(domain::aggregate_kind::user);
constexpr auto post_kind = static_cast<std::uint64_t>(domain::aggregate_kind::post);

domain::row_key user_key(std::uint64_t id) {
  return {table::state, user_kind, id, ""};
}

std::string name_of(std::uint64_t id) {
  return encode_row_key(user_key(id));
}

/// Looks a name up as a reader does, which finds `there` in the database.
std::string look(row_cache& cache, const std::string& name, const std::string& there) {
  row_cache::ticket ticket;
  if (auto known = cache.find(name, ticket)) return *known;
  cache.offer(name, there, ticket);
  return there;
}

ports::commit_request writing(const domain::row_key& key, std::optional<std::string> value) {
  ports::commit_request out;
  out.rows.push_back({key, std::move(value)});
  return out;
}

}  // namespace

TEST_CASE("people and connections are kept, and nothing else", "[storage][row_cache]") {
  const row_cache cache(16);
  CHECK(cache.keeps(name_of(1)));
  CHECK(cache.keeps(name_of(~std::uint64_t{0})));
  CHECK(cache.keeps(encode_row_key({table::connection, 3, 4, ""})));
  CHECK_FALSE(cache.keeps(encode_row_key({table::state, post_kind, 1, ""})));
  CHECK_FALSE(cache.keeps(encode_row_key({table::counts, user_kind, 1, ""})));
  CHECK_FALSE(cache.keeps(encode_row_key({table::like, user_kind, 1, ""})));
  CHECK_FALSE(cache.keeps(encode_row_key({table::email, 0, 0, "a@b"})));
  CHECK_FALSE(cache.keeps(encode_row_key({table::state, user_kind, 1, "more"})));
  CHECK_FALSE(cache.keeps(encode_id_block_key({domain::aggregate_kind::user, 1})));
  CHECK_FALSE(cache.keeps(""));
  CHECK_FALSE(row_cache(0).keeps(name_of(1)));
}

TEST_CASE("what was found once is found again, until it is written", "[storage][row_cache]") {
  row_cache cache(16);
  CHECK(look(cache, name_of(1), "one") == "one");
  CHECK(look(cache, name_of(1), "not asked") == "one");
  cache.drop(name_of(1));
  CHECK(look(cache, name_of(1), "two") == "two");
  CHECK(cache.looked_up().hits == 1);
  CHECK(cache.looked_up().misses == 2);
}

TEST_CASE("what was read before a write is not taken after it", "[storage][row_cache]") {
  row_cache cache(16);
  row_cache::ticket before;
  REQUIRE_FALSE(cache.find(name_of(1), before));
  cache.drop(name_of(1));  // not there: it counts all the same
  cache.offer(name_of(1), "old", before);
  CHECK(look(cache, name_of(1), "new") == "new");
  cache.offer(name_of(1), "old", before);
  CHECK(look(cache, name_of(1), "new") == "new");
}

TEST_CASE("memory is bounded, by rows and by bytes of each", "[storage][row_cache]") {
  row_cache cache(64);
  for (std::uint64_t id = 1; id <= 1000; ++id) look(cache, name_of(id), std::to_string(id));
  std::size_t kept = 0;
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    row_cache::ticket ignored;
    const auto known = cache.find(name_of(id), ignored);
    if (!known) continue;
    CHECK(*known == std::to_string(id));
    ++kept;
  }
  CHECK(kept <= 64);
  CHECK(kept > 32);
  const std::string large(row_cache::value_bytes_max + 1, 'x');
  CHECK(look(cache, name_of(2000), large) == large);
  row_cache::ticket ignored;
  CHECK_FALSE(cache.find(name_of(2000), ignored));
}

TEST_CASE("a row that is looked up is as it was written last", "[storage][row_cache]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path()));
  const auto& rows = *store->ports().rows;
  const auto key = user_key(5);
  for (int n = 0; n < 3; ++n) {
    const auto value = std::to_string(n);
    REQUIRE(commit(*store, writing(key, value)));
    for (int again = 0; again < 3; ++again) CHECK(rows.get(key, cached).bytes == value);
  }
  CHECK(store->hot_row_lookups().hits == 6);
  const auto snapshot = rows.take_snapshot();
  REQUIRE(commit(*store, writing(key, "after")));
  CHECK(row_of(*store, key) == "after");
  CHECK(rows.get(key, ports::read_tier::disk, snapshot.get()).bytes == "2");  // as of then
  CHECK(row_of(*store, key) == "after");
  REQUIRE(commit(*store, writing(key, std::nullopt)));
  CHECK(rows.get(key, cached).what == status::absent);
  CHECK(rows.get(key, cached).what == status::absent);
}

TEST_CASE("no reader sees less than what was acknowledged before it looked", "[storage][row_cache]") {
  constexpr std::uint64_t writes = 300;
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path()));
  const std::array keys{user_key(5), domain::row_key{table::connection, 5, 6, ""}};
  ports::commit_request first;
  for (const auto& key : keys) first.rows.push_back({key, "0"});
  REQUIRE(commit(*store, first));
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> stale{0};
  constexpr int readers_count = 3;
  std::vector<std::thread> readers;
  readers.reserve(readers_count);
  for (int n = 0; n < readers_count; ++n)
    readers.emplace_back([&] {
      while (acknowledged < writes) {
        for (const auto& key : keys) {
          const auto before = acknowledged.load();
          const auto found = store->ports().rows->get(key, cached);
          if (found.what == status::found && std::stoull(found.bytes) < before) ++stale;
          ++reads;
        }
      }
    });
  for (std::uint64_t n = 1; n <= writes; ++n) {
    ports::commit_request next;
    for (const auto& key : keys) next.rows.push_back({key, std::to_string(n)});
    next.may_skip_sync = n % 8 != 0;
    const auto written = commit(*store, next);
    acknowledged = written ? n : writes;  // so that nobody waits for ever
    CHECK(written);
  }
  for (auto& reader : readers) reader.join();
  CHECK(reads > 0);
  CHECK(stale == 0);
}

TEST_CASE("what a failed store has lost is not looked up any more", "[storage][row_cache][fault]") {
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  auto options = options_in(directory.path());
  options.file_system = files;
  options.sync_interval = 1h;
  const auto store = open_or_fail(options);
  const auto key = user_key(5);
  REQUIRE(commit(*store, writing(key, "synced")));
  auto light = writing(key, "not synced");
  light.may_skip_sync = true;
  REQUIRE(commit(*store, light));
  REQUIRE(store->ports().rows->get(key, cached).bytes == "not synced");
  files->fail({operation::sync, ".log", 1, true});
  REQUIRE_FALSE(commit(*store, request(0, 1, 8, "x")));
  REQUIRE(eventually([&] { return store->accepting(); }));
  CHECK(row_of(*store, key) == "synced");
}

}  // namespace social::storage::test
