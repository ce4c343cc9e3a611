#include "actors/push/lane.hpp"
#include "tests/support/catch.hpp"

namespace social::push {
namespace {

constexpr timestamp_t start = 1'000'000;

lane_entry entry(std::uint64_t user, int number, timestamp_t due = start) {
  return {{user, user * 10, "e" + std::to_string(number)}, due, due, due + 100'000'000};
}
judgement verdict_of(verdict what, std::int64_t wait_ms = 0) {
  return {what, wait_ms, "x"};
}

struct fixture {
  push_options options;
  std::optional<push::lane> made;
  timestamp_t now = start;
  fixture() { options.lane_queue_max = 8; }
  push::lane& lane() {
    if (!made) made.emplace("https://push.example.net", options, false);
    return *made;
  }
  /// Sends what may be sent and answers each with the verdict; how many.
  std::size_t answer_all(verdict what, std::uint64_t random = 0) {
    std::vector<lane_entry> sent;
    while (const auto e = lane().next(now)) sent.push_back(*e);
    for (const auto& e : sent) {
      lane().answered(verdict_of(what), e.name.device, "k", now, random);
      lane().finished(e);
    }
    return sent.size();
  }
};

}  // namespace

TEST_CASE_METHOD(fixture, "a lane sends at most so many at once") {
  options.lane_queue_max = 100;
  for (int i = 0; i < 40; ++i) lane().offer(entry(1, i));
  std::vector<lane_entry> sent;
  while (const auto e = lane().next(now)) sent.push_back(*e);
  CHECK(sent.size() == options.lane_requests_max);
  lane().finished(sent[0]);
  CHECK(lane().next(now));
  CHECK_FALSE(lane().next(now));
}

TEST_CASE_METHOD(fixture, "one that is here is looked for in the store once more if it has another place there") {
  lane().offer(entry(1, 1));
  const auto sent = lane().next(now);
  REQUIRE(sent);
  lane().offer(entry(1, 1));  // the same place
  lane().offer(entry(1, 1, start + 7));
  lane().offer(entry(1, 1, start + 9));
  CHECK_FALSE(lane().stored_due());  // not while it is here: it would be read again and again
  CHECK_FALSE(lane().next(now));
  lane().finished(*sent);
  CHECK(lane().stored_due() == start + 7);
}

TEST_CASE_METHOD(fixture, "people take turns") {
  for (int i = 0; i < 5; ++i) lane().offer(entry(1, i));
  lane().offer(entry(2, 0));
  lane().offer(entry(3, 0));
  std::vector<std::uint64_t> users;
  while (const auto e = lane().next(now)) users.push_back(e->name.user);
  CHECK(users == std::vector<std::uint64_t>{1, 2, 3, 1, 1, 1, 1});
}

TEST_CASE_METHOD(fixture, "memory is bounded, and who has little takes a place of who has most") {
  for (int i = 0; i < 20; ++i) lane().offer(entry(1, i, start + i));
  CHECK(lane().queued() == 8);
  CHECK(lane().stored_due() == start + 8);
  lane().offer(entry(2, 0, start + 50));
  CHECK(lane().queued() == 8);
  CHECK(lane().stored_due() == start + 7);
  CHECK(lane().is_here(entry(2, 0).name));
  CHECK_FALSE(lane().is_here(entry(1, 7).name));
}

TEST_CASE_METHOD(fixture, "the same delivery is taken once, also while it is under way") {
  lane().offer(entry(1, 0));
  lane().offer(entry(1, 0));
  CHECK(lane().queued() == 1);
  const auto e = lane().next(now);
  lane().offer(entry(1, 0));
  CHECK(lane().queued() == 0);
  CHECK_FALSE(lane().stored_due());
  lane().finished(*e);
  CHECK(lane().idle());
}

TEST_CASE_METHOD(fixture, "what did not fit is read when there is room, from where it begins") {
  for (int i = 0; i < 10; ++i) lane().offer(entry(1, i, start + i));
  now = start + 100;
  CHECK_FALSE(lane().wants_load(now));
  CHECK(answer_all(verdict::accepted) == 8);
  const auto load = lane().wants_load(now);
  REQUIRE(load);
  CHECK(load->from == start + 8);
  CHECK(load->rows_max == 8);
  CHECK_FALSE(lane().wants_load(now));  // one at a time
  lane().note_stored(start + 90);       // while it is being read
  lane().loaded({entry(1, 8, start + 8), entry(1, 9, start + 9)}, false, start + 5000);
  CHECK(lane().queued() == 2);
  CHECK(lane().stored_due() == start + 90);
}

TEST_CASE_METHOD(fixture, "what is due later wakes the lane then") {
  lane().note_stored(start + 700);
  CHECK_FALSE(lane().wants_load(now));
  CHECK(lane().wake_at(now) == start + 700);
  now = start + 700;
  CHECK(lane().wants_load(now));
}

TEST_CASE_METHOD(fixture, "a read that failed is tried again, not at once") {
  lane().note_stored(start);
  REQUIRE(lane().wants_load(now));
  lane().load_failed(now + 1000);
  CHECK_FALSE(lane().wants_load(now));
  CHECK(lane().wake_at(now) == now + 1000);
  now += 1000;
  CHECK(lane().wants_load(now)->from == start);
}

TEST_CASE_METHOD(fixture, "a service that fails rests, is tried with one, and comes back") {
  for (int i = 0; i < 8; ++i) lane().offer(entry(1, i));
  CHECK(answer_all(verdict::failed, 999) == 8);
  CHECK(lane().state() == lane_state::waiting);
  CHECK(lane().waits_until() > now);
  CHECK(lane().waits_until() <= now + 1001);

  lane().offer(entry(1, 20));
  CHECK(lane().queued() == 0);  // memory is for what can be sent
  now = lane().waits_until();
  CHECK_FALSE(lane().next(now));
  CHECK(lane().state() == lane_state::probing);
  for (int i = 20; i < 25; ++i) lane().offer(entry(1, i));
  const auto probe = lane().next(now);
  REQUIRE(probe);
  CHECK_FALSE(lane().next(now));
  lane().answered(verdict_of(verdict::failed), 10, "k", now, 1999);
  lane().finished(*probe);
  CHECK(lane().state() == lane_state::waiting);
  CHECK(lane().waits_until() > now + 1000);  // twice as long
  CHECK(lane().waits_until() <= now + 2001);

  now = lane().waits_until();
  const auto again = lane().next(now);
  REQUIRE(again);
  lane().answered(verdict_of(verdict::accepted), 10, "k", now, 0);
  CHECK(lane().state() == lane_state::flowing);
  CHECK(lane().next(now));
}

TEST_CASE_METHOD(fixture, "single failures between successes do not stop a lane") {
  for (int i = 0; i < 100; ++i) {
    lane().offer(entry(1, i));
    const auto e = lane().next(now);
    lane().answered(verdict_of(i % 5 == 4 ? verdict::accepted : verdict::failed), 10, "k", now, 0);
    lane().finished(*e);
  }
  CHECK(lane().state() == lane_state::flowing);
}

TEST_CASE_METHOD(fixture, "Retry-After holds the whole lane, and no late success ends it") {
  for (int i = 0; i < 3; ++i) lane().offer(entry(1, i));
  const auto a = lane().next(now);
  const auto b = lane().next(now);
  lane().answered(verdict_of(verdict::wait, 30'000), 10, "k", now, 0);
  lane().finished(*a);
  CHECK(lane().waits_until() == now + 30'000);
  lane().answered(verdict_of(verdict::accepted), 10, "k", now, 0);
  lane().finished(*b);
  CHECK_FALSE(lane().next(now + 29'999));
  CHECK(lane().wake_at(now) == now + 30'000);
  CHECK(lane().next(now + 30'000));
}

TEST_CASE_METHOD(fixture, "429 without a time backs off at once") {
  lane().offer(entry(1, 0));
  CHECK(answer_all(verdict::slow_down, 500) == 1);
  CHECK(lane().state() == lane_state::waiting);
}

TEST_CASE_METHOD(fixture, "twenty refusals from five subscriptions stop the lane with one alarm") {
  const auto refuse = [&](std::uint64_t device) { lane().answered(verdict_of(verdict::refused), device, "k", now, 0); };
  SECTION("nineteen do not") {
    for (std::uint64_t i = 0; i < 19; ++i) refuse(i % 5);
    CHECK(lane().state() == lane_state::flowing);
    refuse(4);
    CHECK(lane().state() == lane_state::key_refused);
    CHECK(lane().take_alarm());
    CHECK_FALSE(lane().take_alarm());
    lane().offer(entry(1, 0));
    CHECK_FALSE(lane().next(now + 1'000'000'000));
  }
  SECTION("from four subscriptions they do not") {
    for (std::uint64_t i = 0; i < 100; ++i) refuse(i % 4);
    CHECK(lane().state() == lane_state::flowing);
  }
  SECTION("a 2xx in the last ten minutes speaks for the key") {
    lane().answered(verdict_of(verdict::accepted), 1, "k", now, 0);
    for (std::uint64_t i = 0; i < 50; ++i) refuse(i % 6);
    CHECK(lane().state() == lane_state::flowing);
    now += options.key_quiet_ms;
    refuse(1);
    CHECK(lane().state() == lane_state::key_refused);
  }
  SECTION("a 2xx begins the row anew") {
    for (std::uint64_t i = 0; i < 19; ++i) refuse(i % 5);
    lane().answered(verdict_of(verdict::accepted), 1, "k", now, 0);
    now += options.key_quiet_ms;
    for (std::uint64_t i = 0; i < 19; ++i) refuse(i % 5);
    CHECK(lane().state() == lane_state::flowing);
  }
}

TEST_CASE_METHOD(fixture, "one refused subscription is deleted only when others under its key are served") {
  const timestamp_t first = now;
  refusal_history h{5, first, false};
  CHECK_FALSE(lane().may_delete_refused(h, 1, "k", now));
  lane().answered(verdict_of(verdict::accepted), 1, "k", now, 0);
  CHECK_FALSE(lane().may_delete_refused(h, 1, "k", now));  // itself
  lane().answered(verdict_of(verdict::accepted), 2, "other", now, 0);
  CHECK_FALSE(lane().may_delete_refused(h, 1, "k", now));  // another key
  lane().answered(verdict_of(verdict::accepted), 2, "k", now, 0);
  CHECK(lane().may_delete_refused(h, 1, "k", now));
  h.failures = 4;
  CHECK_FALSE(lane().may_delete_refused(h, 1, "k", now));
  h.failures = 5;
  h.first_failure_at = now + 1;  // the success is older than the first of the five
  CHECK_FALSE(lane().may_delete_refused(h, 1, "k", now));
  h = {9, first, true};  // it worked once: the refusals must last a day
  CHECK_FALSE(lane().may_delete_refused(h, 1, "k", first + options.device_refusal_age_ms - 1));
  CHECK(lane().may_delete_refused(h, 1, "k", first + options.device_refusal_age_ms));
}

TEST_CASE_METHOD(fixture, "without a subject nothing goes out and everything stays in the store") {
  made.emplace("https://push.example.net", options, true);
  lane().offer(entry(1, 0));
  CHECK(lane().state() == lane_state::no_subject);
  CHECK(lane().queued() == 0);
  CHECK_FALSE(lane().idle());
  CHECK_FALSE(lane().wants_load(now));
  REQUIRE(lane().begin_sweep());
  lane().swept(std::nullopt);
  CHECK(lane().idle());
}

TEST_CASE_METHOD(fixture, "a sweep empties memory into the store, but not what is under way") {
  for (int i = 0; i < 3; ++i) lane().offer(entry(1, i));
  const auto e = lane().next(now);
  REQUIRE(lane().begin_sweep());
  CHECK(lane().queued() == 0);
  CHECK(lane().is_here(e->name));
  CHECK_FALSE(lane().begin_sweep());
  lane().swept(start);
  CHECK(lane().stored_due() == start);
}

}  // namespace social::push
