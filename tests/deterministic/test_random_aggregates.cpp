// Random stories (random_story.hpp). What must hold is looked at after every commit and every crash, and at the end.
#include "tests/deterministic/random_story.hpp"

namespace social::aggregates::test {
namespace {

constexpr std::uint64_t stories = 200;

TEST_CASE("random stories keep every promise", "[deterministic]") {
  std::map<int, std::size_t> endings;
  std::size_t replays = 0;
  std::size_t crashes = 0;
  const auto [first, end] = seeds(stories);
  for (auto seed = first; seed < end; ++seed) {
    INFO("again with SOCIAL_TEST_SEED=" << seed);
    story told(seed);
    told.tell();
    replays += told.replays();
    crashes += told.crashes();
    for (const auto& [code, count] : told.endings()) endings[code] += count;
  }
  if (end - first < stories) return;
  // The stories are about something.
  CHECK(endings[0] > stories * 20);
  CHECK(replays > stories);
  CHECK(crashes > stories / 2);
  for (const auto code : {error_code::outcome_unknown, error_code::store_unavailable, error_code::overloaded,
                          error_code::email_taken, error_code::forbidden, error_code::internal})
    CHECK(endings[static_cast<int>(code)] > stories / 4);
}

TEST_CASE("a seed tells the same story twice", "[deterministic]") {
  story one(7);
  one.tell();
  story two(7);
  two.tell();
  CHECK(one.endings() == two.endings());
  CHECK(one.digest() == two.digest());
  story other(8);
  other.tell();
  CHECK(other.digest() != one.digest());
}

}  // namespace
}  // namespace social::aggregates::test
