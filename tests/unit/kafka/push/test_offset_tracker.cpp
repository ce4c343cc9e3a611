#include <random>
#include <set>

#include "actors/kafka/push/offset_tracker.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/deterministic_node.hpp"

namespace social::kafka::test {
namespace {

const topic_partition first{"t", 0};
const topic_partition second{"t", 1};
using offsets = std::map<topic_partition, std::int64_t>;

}  // namespace

TEST_CASE("what may be committed stops before the first record that is not done", "[kafka]") {
  offset_tracker tracker;
  tracker.assign(first);
  CHECK(tracker.of(first).next == -1);
  CHECK(tracker.committable().empty());
  const auto a = tracker.begin(first, 5, 100).value();
  const auto b = tracker.begin(first, 7, 200).value();  // a gap
  const auto c = tracker.begin(first, 8, 300).value();
  CHECK(tracker.committable().empty());
  CHECK(tracker.of(first).next == 5);
  CHECK(tracker.done(b));
  CHECK(tracker.committable().empty());
  CHECK(tracker.done(a));
  CHECK(tracker.committable() == offsets{{first, 8}});
  tracker.committed({{first, 8}});
  CHECK(tracker.committable().empty());
  CHECK(tracker.positions({first, second}) == offsets{{first, 8}});
  CHECK(tracker.of(first).oldest_open == 300);
  CHECK(tracker.of(first).open == 1);
  CHECK(tracker.done(c));
  CHECK_FALSE(tracker.done(c));
  CHECK(tracker.committable() == offsets{{first, 9}});
  CHECK(tracker.of(first).oldest_open == 0);
  CHECK(tracker.open() == 0);
}

TEST_CASE("a record begins once, in order, and only where it was assigned", "[kafka]") {
  offset_tracker tracker;
  CHECK_FALSE(tracker.begin(first, 1, 0));
  tracker.assign(first);
  CHECK(tracker.begin(first, 3, 0));
  CHECK_FALSE(tracker.begin(first, 3, 0));
  CHECK_FALSE(tracker.begin(first, 2, 0));
  CHECK_FALSE(tracker.begin(second, 4, 0));
  CHECK(tracker.open() == 1);
}

TEST_CASE("what was begun under an earlier assignment counts for nothing", "[kafka]") {
  offset_tracker tracker;
  tracker.assign(first);
  const auto old = tracker.begin(first, 5, 0).value();
  tracker.forget(first);
  CHECK_FALSE(tracker.done(old));
  CHECK(tracker.open() == 0);
  tracker.assign(first);
  const auto again = tracker.begin(first, 5, 0).value();
  CHECK_FALSE(tracker.holds(old));
  CHECK_FALSE(tracker.done(old));
  CHECK(tracker.committable().empty());
  CHECK(tracker.holds(again));
  CHECK(tracker.done(again));
  tracker.assign(first);  // without a farewell
  CHECK_FALSE(tracker.done(again));
  CHECK(tracker.of(first).next == -1);
}

TEST_CASE("a random story commits exactly what is done", "[kafka]") {
  const auto [from, to] = social::test::seeds(200);
  for (auto seed = from; seed < to; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    offset_tracker tracker;
    // The model: offsets that have begun and are not done, of the present assignment.
    struct model {
      std::set<std::int64_t> open;
      std::int64_t next = 0;
      bool begun = false;
    };
    std::map<topic_partition, model> models;
    std::vector<tracked_record> all;
    for (int step = 0; step < 300; ++step) {
      const topic_partition where{"t", static_cast<std::int32_t>(below(3))};
      auto m = models.find(where);
      switch (below(10)) {
        case 0:
          if (m == models.end()) {
            tracker.assign(where);
            models[where].next = static_cast<std::int64_t>(below(50));
          } else {
            tracker.forget(where);
            models.erase(where);
          }
          break;
        case 1:
        case 2:
        case 3:
        case 4: {
          if (m == models.end()) {
            CHECK_FALSE(tracker.begin(where, 1'000, 0));
            break;
          }
          m->second.next += static_cast<std::int64_t>(below(3));
          const auto record = tracker.begin(where, m->second.next, 1);
          REQUIRE(record);
          all.push_back(*record);
          m->second.open.insert(m->second.next++);
          m->second.begun = true;
          break;
        }
        default: {
          if (all.empty()) break;
          const auto& record = all[below(all.size())];
          m = models.find(record.where);
          const bool counts = m != models.end() && tracker.holds(record) && m->second.open.contains(record.offset);
          CHECK(tracker.done(record) == counts);
          if (counts) m->second.open.erase(record.offset);
        }
      }
      std::size_t open = 0;
      for (const auto& [place, expected] : models) {
        open += expected.open.size();
        const auto seen = tracker.of(place);
        CHECK(seen.open == expected.open.size());
        const auto next = expected.open.empty() ? expected.next : *expected.open.begin();
        CHECK(seen.next == (expected.begun ? next : -1));
      }
      CHECK(tracker.open() == open);
      CHECK(tracker.assigned().size() == models.size());
    }
  }
}

}  // namespace social::kafka::test
