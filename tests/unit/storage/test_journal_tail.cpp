// The newest records in memory: the same as the database has them, no more than is visible, bounded.
#include "storage/journal_tail.hpp"
#include "storage/values.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {
namespace {

constexpr std::uint64_t no_head = ~std::uint64_t{0};

pending_request written(shard_t shard, std::uint64_t first, std::size_t events, std::string value = "v") {
  pending_request out;
  out.request = prepare(request(shard, events, first, std::move(value)));
  out.first_sequence = first;
  return out;
}

void add(journal_tail& tail, pending_request one) {
  tail.add({&one, 1});
}

/// Where the records begin that are found; nullopt: the database has to be asked.
std::optional<std::vector<std::uint64_t>> firsts(const journal_tail& tail, shard_t shard, std::uint64_t after,
                                                 std::uint64_t head = no_head, std::size_t records_max = 100,
                                                 std::size_t bytes_max = 1 << 20) {
  std::vector<ports::journal_record> out;
  const auto count = tail.read_over(shard, after, head, records_max, bytes_max, out);
  if (!count) return std::nullopt;
  std::vector<std::uint64_t> found;
  for (std::size_t i = 0; i < count->value(); ++i) found.push_back(out[i].first_sequence);
  return found;
}

using some = std::vector<std::uint64_t>;

TEST_CASE("the tail has what was written, record by record, up to the head", "[storage]") {
  journal_tail tail(2, 1 << 20);
  CHECK_FALSE(firsts(tail, 1, 0));
  add(tail, written(1, 1, 3));
  add(tail, written(0, 1, 1));
  add(tail, written(1, 4, 2));
  add(tail, written(1, 6, 1));
  CHECK(firsts(tail, 1, 0) == some{1, 4, 6});
  CHECK(firsts(tail, 1, 2) == some{1, 4, 6});  // from the middle of a record
  CHECK(firsts(tail, 1, 3) == some{4, 6});
  CHECK(firsts(tail, 1, 0, 5) == some{1, 4});  // the third is not synced yet
  CHECK(firsts(tail, 1, 0, no_head, 2) == some{1, 4});
  CHECK(firsts(tail, 1, 0, no_head, 100, 1) == some{1});
  CHECK_FALSE(firsts(tail, 1, 5, 5));
  CHECK_FALSE(firsts(tail, 1, 6));
  CHECK(firsts(tail, 0, 0) == some{1});
  CHECK_FALSE(firsts(tail, 2, 0));
  tail.clear();
  CHECK_FALSE(firsts(tail, 1, 0));
}

TEST_CASE("a record of the tail is the one that was written", "[storage]") {
  journal_tail tail(4, 1 << 20);
  add(tail, written(3, 9, 2, "words"));
  std::vector<ports::journal_record> out;
  REQUIRE(tail.read_over(3, 8, no_head, 10, 1 << 20, out).value().value() == 1);
  CHECK(out[0].shard == 3);
  CHECK(out[0].first_sequence == 9);
  CHECK(out[0].trace == "00-trace");
  CHECK(out[0].time == 1'700'000'000'000);
  REQUIRE(out[0].events.size() == 2);
  CHECK(out[0].events[1].bytes == "\1words/1");
}

TEST_CASE("the eldest records leave, of whatever shard; requests without events stay out", "[storage]") {
  const auto one = encode_journal_value(request(0, 1, 1, std::string(1'000, 'x'))).size();
  journal_tail tail(2, 3 * one + one / 2);
  const auto big = [](shard_t shard, std::uint64_t first) { return written(shard, first, 1, std::string(1'000, 'x')); };
  add(tail, big(0, 1));
  add(tail, big(1, 1));
  add(tail, written(1, 0, 0));
  add(tail, big(0, 2));
  CHECK(firsts(tail, 0, 0) == some{1, 2});
  add(tail, big(0, 3));
  CHECK_FALSE(firsts(tail, 0, 0));  // the database has the first
  CHECK(firsts(tail, 0, 1) == some{2, 3});
  CHECK(firsts(tail, 1, 0) == some{1});
  add(tail, big(0, 4));
  CHECK_FALSE(firsts(tail, 1, 0));
  journal_tail none(2, 0);
  add(none, big(0, 1));
  CHECK_FALSE(firsts(none, 0, 0));
}

TEST_CASE("whatever the tail keeps, readers see the same journal", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  options.mode = GENERATE(durability::sync, durability::async);
  options.sync_interval = 1ms;
  options.journal_tail_bytes = GENERATE(std::size_t{0}, std::size_t{700}, std::size_t{1} << 20);
  std::mt19937_64 random(4);
  auto store = open_or_fail(options);
  std::vector<std::uint64_t> heads(4);
  for (int i = 0; i < 200; ++i) {
    const auto shard = static_cast<shard_t>(random() % 4);
    const auto events = 1 + random() % 3;
    heads[shard] =
        commit(*store, request(shard, events, 1 + random() % 9, "v" + std::to_string(i))).value() + events - 1;
    if (i == 120) {
      store->close();
      store = open_or_fail(options);
    }
    const auto* log = store->ports().log;
    REQUIRE(eventually([&] { return log->head(shard) == heads[shard]; }));
    const auto after = random() % heads[shard];
    std::uint64_t next = 0;
    for (const auto& record : log->read(shard, after, 1'000, 1 << 20).value()) {
      CHECK(record.first_sequence <= std::max(after + 1, next));
      if (next != 0) CHECK(record.first_sequence == next);
      next = record.first_sequence + record.events.size();
    }
    CHECK(next == heads[shard] + 1);
  }
}

}  // namespace
}  // namespace social::storage::test
