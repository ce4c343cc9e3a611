#include "actors/push/payload.hpp"
#include "actors/push/planner.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_store.hpp"

namespace social::push {
namespace {

using namespace protocol;
using domain::table;
using domain::subscription::device;

constexpr timestamp_t start = 1'700'000'000'000;

struct fixture {
  test::memory_store disk{4};
  push_options options;
  timestamp_t now = start;
  int events_made = 0;

  void subscribe(id_t user, std::uint64_t seq, std::string locale = "ko") {
    auto state = disk.row<domain::subscription::state>(subscription_key(user)).value_or(domain::subscription::state{});
    state.user = user;
    device d;
    d.seq = seq;
    d.row_version = seq;
    d.endpoint = "https://push.example.net/" + std::to_string(seq);
    d.locale = std::move(locale);
    state.devices.push_back(d);
    disk.put(subscription_key(user), state);
    disk.put_bytes({table::subscriber_user, user, 0, {}}, "");
  }
  push_event event(push_event_body body) {
    return {"1-" + std::to_string(++events_made), "store", now, "", std::move(body)};
  }
  plan commit(result<plan> planned) {
    REQUIRE(planned);
    disk.reserve();
    ports::commit_request request;
    request.rows = planned->changes;
    disk.submit(std::move(request), [](const auto&) {});
    return std::move(*planned);
  }
  plan take(std::vector<push_event> events) { return commit(planner(disk, options).plan_events(events, now)); }
  plan take(push_event e) { return take(std::vector<push_event>{std::move(e)}); }
  plan end_windows() { return commit(planner(disk, options).plan_ended_windows(now)); }
  plan expand() {
    std::vector<domain::row_key> jobs;
    for (const auto& row : disk.table_rows(table::fan_out)) jobs.push_back(row.key);
    return commit(planner(disk, options).plan_fan_outs(jobs, now));
  }
  delivery_row row_of(const planned_delivery& d) { return disk.row<delivery_row>(delivery_key(d.name)).value(); }
  std::size_t count(table where) { return disk.table_rows(where).size(); }
};

comment_created comment(id_t by, id_t owner) {
  return {130, owner, 9, by, "Kim", "hello"};
}
post_liked like(id_t by, id_t owner, std::string name = "Kim") {
  return {130, owner, by, std::move(name), "post"};
}

}  // namespace

TEST_CASE_METHOD(fixture, "every device of the person concerned gets a delivery in its language") {
  subscribe(66, 1, "ko");
  subscribe(66, 2, "en");
  subscribe(7, 3);
  const auto done = take(event(comment(7, 66)));
  REQUIRE(done.deliveries.size() == 2);
  CHECK(row_of(done.deliveries[0]).title == "Kim님이 댓글을 달았어요.");
  const auto english = row_of(done.deliveries[1]);
  CHECK(english.title == "Kim commented");
  CHECK(english.expires == now + options.ttl_ms);
  CHECK(english.topic == topic_of_event("store", "1-1"));
  CHECK(english.origin == "https://push.example.net");
  CHECK(count(table::delivery_due) == 2);
}

TEST_CASE_METHOD(fixture, "nobody hears of their own deed") {
  subscribe(7, 1);
  for (const push_event_body& body : std::initializer_list<push_event_body>{
           comment(7, 7), like(7, 7), connection_requested{7, 7, "n"}, connection_granted{7, 7, "n"}}) {
    const auto e = event(body);
    for (int twice = 0; twice < 2; ++twice) {
      const auto done = take(e);
      CHECK(done.deliveries.empty());
      CHECK(done.nobody == 1);
    }
  }
  CHECK(count(table::seen_event) == 0);  // there is nothing that a repeat could do twice
  take(event(user_joined{7, "Kim"}));
  CHECK(expand().deliveries.empty());
}

TEST_CASE_METHOD(fixture, "connections tell the one who did not act") {
  subscribe(66, 1);
  const auto asked = take(event(connection_requested{7, 66, "Kim"}));
  REQUIRE(asked.deliveries.size() == 1);
  CHECK(row_of(asked.deliveries[0]).click_target == "/friends/7");
  CHECK(take(event(connection_granted{7, 66, "Kim"})).deliveries.size() == 1);
  CHECK(take(event(connection_granted{66, 7, "Lee"})).deliveries.empty());
}

TEST_CASE_METHOD(fixture, "an event that comes twice is taken once, by source and id") {
  subscribe(66, 1);
  auto e = event(comment(7, 66));
  CHECK(take({e, e}).deliveries.size() == 1);
  CHECK(take(e).duplicates == 1);
  e.source = "other store";
  CHECK(take(e).deliveries.size() == 1);
  CHECK(count(table::delivery) == 2);
}

TEST_CASE_METHOD(fixture, "an event older than a message's life makes nothing and is counted") {
  subscribe(66, 1);
  auto e = event(comment(7, 66));
  now += options.ttl_ms - 1;
  const auto in_time = take(e);
  REQUIRE(in_time.deliveries.size() == 1);
  CHECK(in_time.deliveries[0].expires == now + 1);
  auto late = event(comment(7, 66));
  late.time = now - options.ttl_ms;
  const auto done = take(late);
  CHECK(done.expired == 1);
  CHECK(done.changes.empty());
}

TEST_CASE_METHOD(fixture, "event ids are forgotten an hour after the last moment at which they count") {
  take(event(comment(7, 66)));
  now += options.ttl_ms + options.remember_beyond_ttl_ms - 1;
  CHECK(commit(planner(disk, options).plan_forgetting(now)).changes.empty());
  now += 1;
  commit(planner(disk, options).plan_forgetting(now));
  CHECK(count(table::seen_event) == 0);
  CHECK(count(table::seen_event_due) == 0);
}

TEST_CASE_METHOD(fixture, "the first like goes at once, the rest of the minute goes as one") {
  subscribe(66, 1);
  CHECK(take(event(like(1, 66, "first"))).deliveries.size() == 1);
  now += 10'000;
  CHECK(take({event(like(2, 66, "second")), event(like(3, 66, "third"))}).deliveries.empty());
  CHECK(take(event(like(4, 66, "last"))).gathered == 1);
  now += 49'999;
  CHECK(end_windows().changes.empty());
  now += 1;
  const auto done = end_windows();
  REQUIRE(done.deliveries.size() == 1);
  const auto row = row_of(done.deliveries[0]);
  CHECK(row.title == "last님 외 2명이 좋아합니다.");
  CHECK(row.event_id == "1-4");
  CHECK(row.topic == topic_of_tag("post-130-likes"));

  // The next one is a minute away from that.
  CHECK(take(event(like(5, 66, "fifth"))).deliveries.empty());
  now += 60'000;
  const auto next = end_windows();
  REQUIRE(next.deliveries.size() == 1);
  CHECK(row_of(next.deliveries[0]).title == "fifth님이 좋아합니다.");
  now += 60'000;
  CHECK(end_windows().deliveries.empty());
  CHECK(count(table::gather) == 0);
  CHECK(count(table::gather_due) == 0);
}

TEST_CASE_METHOD(fixture, "people are counted, not likes") {
  subscribe(66, 1);
  take(event(like(1, 66, "first")));
  take({event(like(2, 66, "a")), event(like(3, 66, "b")), event(like(2, 66, "a")), event(like(1, 66, "first"))});
  now += 60'000;
  const auto done = end_windows();
  REQUIRE(done.deliveries.size() == 1);
  CHECK(row_of(done.deliveries[0]).title == "a님 외 1명이 좋아합니다.");
}

TEST_CASE_METHOD(fixture, "posts and devices gather apart; comments do not gather") {
  subscribe(66, 1);
  subscribe(66, 2);
  CHECK(take(event(like(1, 66))).deliveries.size() == 2);
  CHECK(take(event(post_liked{131, 66, 1, "Kim", "other"})).deliveries.size() == 2);
  CHECK(take({event(comment(1, 66)), event(comment(2, 66))}).deliveries.size() == 4);
}

TEST_CASE_METHOD(fixture, "an interval of zero gathers nothing") {
  options.likes_interval_ms = 0;
  subscribe(66, 1);
  CHECK(take({event(like(1, 66)), event(like(2, 66))}).deliveries.size() == 2);
  CHECK(count(table::gather) == 0);
}

TEST_CASE_METHOD(fixture, "more people than are told apart are still counted") {
  options.gather_people_max = 3;
  subscribe(66, 1);
  take(event(like(1, 66)));
  for (id_t who = 2; who < 12; ++who) take(event(like(who, 66, "n")));
  now += 60'000;
  CHECK(row_of(end_windows().deliveries.at(0)).title == "n님 외 9명이 좋아합니다.");
}

TEST_CASE_METHOD(fixture, "a window whose device has gone ends without a message") {
  subscribe(66, 1);
  take({event(like(1, 66)), event(like(2, 66))});
  disk.put(subscription_key(66), domain::subscription::state{66, {}});
  now += 60'000;
  CHECK(end_windows().deliveries.empty());
  CHECK(count(table::gather) == 0);
}

TEST_CASE_METHOD(fixture, "a join reaches everybody in chunks, and goes on after a crash where it was") {
  options.fan_out_chunk_users = 10;
  for (id_t user = 1; user <= 25; ++user) subscribe(user, user * 100);
  CHECK(take(event(user_joined{5, "Kim"})).jobs.size() == 1);
  CHECK(expand().deliveries.size() == 9);  // not the one who joined
  const auto before = disk.crash();
  CHECK(expand().deliveries.size() == 10);

  test::memory_store reopened(before);
  const auto job = reopened.table_rows(table::fan_out).at(0);
  CHECK(decode_record<fan_out_row>(job.bytes).value().done_up_to == 10);
  const auto again = planner(reopened, options).plan_fan_outs({job.key}, now).value();
  CHECK(again.deliveries.front().name.user == 11);
  CHECK(again.more);

  const auto last = expand();
  CHECK(last.deliveries.size() == 5);
  CHECK_FALSE(last.more);
  CHECK(count(table::fan_out) == 0);
  CHECK(count(table::delivery) == 24);
}

TEST_CASE_METHOD(fixture, "joins gather per device, over several fan-outs in one pass") {
  subscribe(1, 100);
  take({event(user_joined{5, "a"}), event(user_joined{6, "b"}), event(user_joined{7, "c"})});
  const auto done = expand();
  REQUIRE(done.deliveries.size() == 1);
  CHECK(row_of(done.deliveries[0]).title == "a Joined!");
  now += options.join_interval_ms;
  const auto gathered = end_windows();
  REQUIRE(gathered.deliveries.size() == 1);
  CHECK(row_of(gathered.deliveries[0]).title == "c and 1 others joined!");
  CHECK(row_of(gathered.deliveries[0]).click_target == "/friends/7");
  CHECK(row_of(gathered.deliveries[0]).topic == topic_of_tag("joined"));
}

TEST_CASE_METHOD(fixture, "with join audience none nobody hears of a join") {
  options.join_audience_everyone = false;
  subscribe(1, 100);
  CHECK(take(event(user_joined{5, "a"})).jobs.empty());
  CHECK(count(table::fan_out) == 0);
}

TEST_CASE_METHOD(fixture, "a fan-out whose event has expired ends") {
  subscribe(1, 100);
  take(event(user_joined{5, "a"}));
  now += options.ttl_ms;
  CHECK(expand().expired == 1);
  CHECK(count(table::fan_out) == 0);
}

TEST_CASE_METHOD(fixture, "when reading fails nothing may be committed") {
  subscribe(66, 1);
  disk.fail_reads(error{error_code::io_error});
  CHECK(planner(disk, options).plan_events({event(comment(7, 66))}, now).error().code == error_code::io_error);
}

TEST_CASE_METHOD(fixture, "console mode remembers a Korean text, whatever the device speaks") {
  options.mode = push_mode::console;
  subscribe(66, 1, "en");
  CHECK(row_of(take(event(comment(7, 66))).deliveries.at(0)).console_text == "Kim가 코멘트를 달았습니다.");
}

}  // namespace social::push
