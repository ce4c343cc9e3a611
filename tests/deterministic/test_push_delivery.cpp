// What happens to one delivery, and to a service that answers badly.
#include "tests/deterministic/push_fixture.hpp"

namespace social::push {
namespace {

using test::memory_store_has;
using test::push_fixture;
using test::scripted_transport;
using namespace domain::subscription;

const std::string origin = "https://push.example.net";

}  // namespace

TEST_CASE_METHOD(push_fixture, "a comment reaches the writer's device, and the store knows") {
  start();
  REQUIRE(subscribe(66, origin + "/a"));
  comment(7, 66);
  REQUIRE(transport->requests.size() == 1);
  const auto& request = transport->requests[0];
  CHECK(request.endpoint == origin + "/a");
  CHECK(request.urgency == "high");
  CHECK(request.topic.size() == 32);
  CHECK(request.ttl_s == 48 * 3600);
  CHECK(request.authorization.starts_with("vapid t="));
  CHECK(request.body.size() == 86 + 512 + 1 + 16);
  CHECK(pending().empty());
  REQUIRE(log().size() == 1);
  CHECK(log()[0].result == delivery_result::accepted);
  CHECK(log()[0].status == 201);
  CHECK(log()[0].attempts == 1);
  CHECK(devices(66).at(0).last_success_at == clock.now());
  CHECK(role->metrics().pending == 0);
  CHECK(consumed.at(0).has_value());
}

TEST_CASE_METHOD(push_fixture, "the row is durable before anything is sent, and before done is said") {
  start();
  subscribe(66, origin + "/a");
  disk->hold_commits(true);
  role->consume({event(protocol::comment_created{130, 66, 9, 7, "Kim", "x"})}, {},
                [this](const result<void>& outcome) { consumed.push_back(outcome); });
  run_without_commits();
  CHECK(disk->waiting_commits() == 1);
  CHECK(transport->requests.empty());
  CHECK(consumed.empty());
  transport->on_send = [&](const auto&) { CHECK(pending().size() == 1); };
  run();
  CHECK(transport->requests.size() == 1);
  CHECK(consumed.size() == 1);
}

TEST_CASE_METHOD(push_fixture, "cursor rows are in the deliveries' commit, synced unless somebody can replay") {
  options.embedded = GENERATE(true, false);
  start();
  subscribe(66, origin + "/a");
  disk->hold_commits(true);
  const auto synced = disk->synced_commits();
  const domain::row_key cursor{domain::table::cursor, 1, 0, "push"};
  role->consume({event(protocol::comment_created{130, 66, 9, 7, "Kim", "x"})}, {{cursor, std::string("c")}},
                [](const auto&) {});
  run_without_commits();
  const auto before = disk->crash();
  CHECK(memory_store_has(before, cursor) == false);
  disk->commit_next();
  CHECK(memory_store_has(disk->crash(), cursor));
  CHECK(pending().size() == 1);
  CHECK(disk->synced_commits() - synced == (options.embedded ? 0 : 1));
}

TEST_CASE_METHOD(push_fixture, "a store that refuses makes consume fail, and nothing is sent") {
  start();
  subscribe(66, origin + "/a");
  disk->fail_commits(1, error{error_code::outcome_unknown});
  const auto e = event(protocol::comment_created{130, 66, 9, 7, "Kim", "x"});
  consume({e});
  CHECK(consumed.at(0).error().code == error_code::outcome_unknown);
  CHECK(transport->requests.empty());
  consume({e});
  CHECK(consumed.at(1).has_value());
  CHECK(transport->requests.size() == 1);
}

TEST_CASE_METHOD(push_fixture, "a delivery whose outcome cannot be written is not sent again meanwhile") {
  start();
  subscribe(66, origin + "/a");
  transport->on_send = [&](const auto&) { disk->refuse(error{error_code::store_unavailable}); };
  comment(7, 66);
  CHECK(transport->requests.size() == 1);
  CHECK(pending().size() == 1);
  pass(5000);
  CHECK(transport->requests.size() == 1);
  disk->accept();
  transport->on_send = nullptr;
  pass(5000);
  CHECK(transport->requests.size() == 1);
  CHECK(pending().empty());
}

TEST_CASE_METHOD(push_fixture, "outcomes whose writes failed one after the other are all written again") {
  start();
  subscribe(66, origin + "/a");
  subscribe(67, origin + "/b");
  comment(7, 66);
  comment(7, 67);
  transport->hold = true;
  comment(7, 66);
  comment(7, 67);
  REQUIRE(transport->requests.size() == 4);
  for (int i = 0; i < 2; ++i) {
    disk->fail_commits(1, error{error_code::outcome_unknown});
    transport->answer_next(scripted_transport::with_status(201));
    run();
    fire_timers(10);
  }
  CHECK(pending().size() == 2);
  fire_timers(options.store_retry_ms - 15);
  for (int i = 0; i < 100 && !pending().empty(); ++i) fire_timers(1);
  CHECK(transport->requests.size() == 4);
  CHECK(pending().empty());
  CHECK(role->metrics().pending == 0);
}

TEST_CASE_METHOD(push_fixture,
                 "whatever became of an outcome whose write failed, the count comes back to what is there") {
  const bool written = GENERATE(true, false);
  CAPTURE(written);
  start();
  subscribe(66, origin + "/a");
  comment(7, 66);  // so that the next success is no news to the device's row
  transport->on_send = [&](const auto&) { disk->fail_commits(1, error{error_code::outcome_unknown}, written); };
  comment(7, 66);
  CHECK(transport->requests.size() == 2);
  CHECK(pending().size() == (written ? 0 : 1));
  transport->on_send = nullptr;
  for (int i = 0; i < 5; ++i) pass(5000);
  CHECK(pending().empty());
  CHECK(role->metrics().pending == 0);
  comment(7, 66);
  CHECK(transport->requests.size() == 3);
  CHECK(role->metrics().pending == 0);
}

TEST_CASE_METHOD(push_fixture, "what the store lost and is planned again while it is under way leaves nothing behind") {
  start();
  subscribe(66, origin + "/a");
  comment(7, 66);  // so that the next success is no news to the device's row
  transport->hold = true;
  const auto told = event(protocol::comment_created{130, 66, 9, 7, "Kim", "hello"});
  consume({told});
  REQUIRE(transport->requests.size() == 2);
  using domain::table;
  disk->lose_in_the_background({table::delivery, table::delivery_due, table::seen_event, table::seen_event_due});
  SECTION("it is answered after it was planned again") {
    pass(1);
    consume({told});
    CHECK(disk->table_rows(table::delivery_due).size() == 1);
    CHECK(role->metrics().pending == 1);
  }
  SECTION("it is answered when none is left, and none is planned") {
    for (int i = 0; i < 3; ++i) pass(5000);
    CHECK(role->metrics().pending == 0);
  }
  transport->hold = false;
  transport->answer_next(scripted_transport::with_status(201));
  run();
  for (int i = 0; i < 5; ++i) pass(5000);
  CHECK(transport->requests.size() == 2);
  CHECK(disk->table_rows(table::delivery_due).empty());
  CHECK(pending().empty());
  CHECK(role->metrics().pending == 0);
}

TEST_CASE_METHOD(push_fixture, "what comes to a lane while it retires because it was idle is sent by the next one") {
  start();
  subscribe(66, origin + "/a");
  comment(7, 66);
  REQUIRE(transport->requests.size() == 1);
  clock.advance(options.lane_idle_ms + 1);
  role->clock_was_set();  // the lane finds itself idle while the comment is on its way to it
  comment(7, 66);
  pass(5000);
  CHECK(transport->requests.size() == 2);
  CHECK(pending().empty());
  CHECK(role->metrics().pending == 0);
}

TEST_CASE_METHOD(push_fixture, "after a crash between sending and writing the double has the same topic and tag") {
  start();
  subscribe(66, origin + "/a");
  transport->hold = true;
  comment(7, 66);
  REQUIRE(transport->requests.size() == 1);
  const auto first = transport->requests[0];
  const auto tag = pending().at(0).tag;
  crash(disk->crash());
  REQUIRE(transport->requests.size() == 1);
  CHECK(transport->requests[0].topic == first.topic);
  CHECK(log().size() == 1);
  CHECK(tag == "post-130-comments");
}

TEST_CASE_METHOD(push_fixture, "a clean stop sends nothing twice and loses nothing") {
  start();
  subscribe(66, origin + "/a");
  transport->hold = true;
  for (int i = 0; i < 20; ++i) comment(7, 66);
  CHECK(transport->requests.size() == 16);
  role->begin_stop();
  run();
  while (!transport->waiting.empty()) {
    transport->answer_next(scripted_transport::with_status(201));
    run();
  }
  CHECK(role->stop(std::chrono::milliseconds(0)));
  CHECK(transport->requests.size() == 16);
  CHECK(pending().size() == 4);
  std::vector<result<void>> refused;
  role->consume({}, {}, [&](const auto& outcome) { refused.push_back(outcome); });
  CHECK(refused.at(0).error().code == error_code::shutting_down);
  crash(disk->crash());
  CHECK(transport->requests.size() == 4);
  CHECK(pending().empty());
}

TEST_CASE_METHOD(push_fixture, "410 deletes the device, and 404 too") {
  const int status = GENERATE(404, 410);
  start();
  subscribe(66, origin + "/a");
  transport->script = [&](const auto&) { return scripted_transport::with_status(status); };
  comment(7, 66);
  CHECK(devices(66).empty());
  CHECK(pending().empty());
  CHECK(log().empty());  // it goes with the device
  CHECK(dead_letters().empty());
  CHECK(disk->table_rows(domain::table::endpoint).empty());
}

TEST_CASE_METHOD(push_fixture, "a late 410 cannot touch a newer subscription") {
  start();
  subscribe(66, origin + "/a");
  transport->hold = true;
  comment(7, 66);
  subscribe(66, origin + "/a");  // the browser subscribed anew meanwhile
  transport->answer_next(scripted_transport::with_status(410));
  run();
  CHECK(devices(66).size() == 1);
  CHECK(pending().empty());
  CHECK(log().at(0).result == delivery_result::gone);
}

TEST_CASE_METHOD(push_fixture, "a lane that fails is started again, and its work with it") {
  start();
  subscribe(66, origin + "/a");
  transport->on_send = [](const auto&) { throw std::runtime_error("a bug"); };
  comment(7, 66);
  CHECK(pending().size() == 1);
  transport->on_send = nullptr;
  pass(options.store_retry_ms);
  CHECK(pending().empty());
  CHECK(log().size() == 1);
}

TEST_CASE_METHOD(push_fixture, "a 410 whose removal fails is met again") {
  start();
  subscribe(66, origin + "/a");
  transport->script = [](const auto&) { return scripted_transport::with_status(410); };
  subscriptions->failing = true;
  comment(7, 66);
  CHECK(pending().size() == 1);
  subscriptions->failing = false;
  pass(60'000);
  CHECK(pending().empty());
  CHECK(devices(66).empty());
}

TEST_CASE_METHOD(push_fixture, "an endpoint that moved to another person gets nothing of the first") {
  start();
  subscribe(66, origin + "/a");
  SECTION("the journal tells, and the first loses the device") {
    subscribe(67, origin + "/a");
    CHECK(devices(66).empty());
    CHECK(devices(67).size() == 1);
  }
  SECTION("a crash before that: the check at delivery finds it") {
    const auto row = disk->row<endpoint_row>(endpoint_key(origin + "/a")).value();
    disk->put(endpoint_key(origin + "/a"), endpoint_row{67, row.row_version + 1});
    comment(7, 66);
    CHECK(transport->requests.empty());
    CHECK(pending().empty());
    CHECK(devices(66).empty());
    CHECK(role->metrics().deliveries_dropped == 1);
    CHECK(disk->row<endpoint_row>(endpoint_key(origin + "/a"))->user == 67);
  }
}

TEST_CASE_METHOD(push_fixture, "a device that the user removed gets nothing any more") {
  start();
  subscribe(66, origin + "/a");
  disk->put(subscription_key(66), state{66, {}});
  disk->put(subscription_key(66), state{66, {}});
  comment(7, 66);
  CHECK(pending().empty());
  CHECK(transport->requests.empty());
}

TEST_CASE_METHOD(push_fixture, "5xx is tried again until it works, and the row counts the attempts") {
  start();
  subscribe(66, origin + "/a");
  int failures = 3;
  transport->script = [&](const auto&) { return scripted_transport::with_status(failures-- > 0 ? 502 : 201); };
  comment(7, 66);
  CHECK(transport->requests.size() == 1);
  const auto row = pending().at(0);
  CHECK(row.attempts == 1);
  CHECK(row.last_result == "502");
  CHECK(row.next_attempt <= clock.now() + 1000);
  CHECK(disk->table_rows(domain::table::delivery_due).size() == 1);
  for (int i = 0; i < 10 && !pending().empty(); ++i) pass(20'000);
  CHECK(transport->requests.size() == 4);
  CHECK(log().at(0).attempts == 4);
}

TEST_CASE_METHOD(push_fixture, "failures end with the message's life, as a dead letter that can be replayed") {
  start();
  subscribe(66, origin + "/a");
  transport->script = [](const auto&) { return scripted_transport::with_failure("connect"); };
  comment(7, 66);
  for (int i = 0; i < 48 * 5 && !pending().empty(); ++i) pass(15 * 60'000);
  CHECK(pending().empty());
  REQUIRE(dead_letters().size() == 1);
  CHECK(dead_letters()[0].result == delivery_result::expired);
  CHECK(dead_letters()[0].reason.starts_with("its time ran out"));
  const auto report = role->report_dead_letters();
  CHECK(report.find("/a") == std::string::npos);

  transport->script = [](const auto&) { return scripted_transport::with_status(201); };
  pass(15 * 60'000);
  std::vector<result<void>> replayed;
  const auto id = dead_letter_id(disk->table_rows(domain::table::dead_letter)[0].key);
  CHECK(report.find(id) != std::string::npos);
  role->replay_dead_letter("1-unknown", [&](const auto& outcome) { replayed.push_back(outcome); });
  role->replay_dead_letter(id, [&](const auto& outcome) { replayed.push_back(outcome); });
  pass(15 * 60'000);
  REQUIRE(replayed.size() == 2);
  CHECK(replayed[0].error().code == error_code::not_found);
  CHECK(replayed[1].has_value());
  CHECK(dead_letters().empty());
  CHECK(pending().empty());
  CHECK(log().back().result != delivery_result::refused);
}

TEST_CASE_METHOD(push_fixture, "answers that promise nothing are not tried again") {
  struct row {
    int status;
    delivery_result result;
  };
  const auto r = GENERATE(row{413, delivery_result::too_large}, row{301, delivery_result::rejected},
                          row{400, delivery_result::refused}, row{403, delivery_result::refused});
  start();
  subscribe(66, origin + "/a");
  transport->script = [&](const auto&) { return scripted_transport::with_status(r.status); };
  comment(7, 66);
  pass(3'600'000);
  CHECK(transport->requests.size() == 1);
  CHECK(pending().empty());
  CHECK(dead_letters().at(0).result == r.result);
  CHECK(devices(66).size() == 1);
}

TEST_CASE_METHOD(push_fixture, "Retry-After holds the whole origin, and no other") {
  start();
  subscribe(66, origin + "/a");
  subscribe(67, origin + "/b");
  subscribe(68, "https://other.example.net/c");
  bool busy = true;
  transport->script = [&](const ports::push_request& request) {
    return request.endpoint.starts_with(origin) && busy ? scripted_transport::with_status(429, "120")
                                                        : scripted_transport::with_status(201);
  };
  comment(7, 66);
  comment(7, 67);
  comment(7, 68);
  CHECK(transport->sent_to(origin + "/a") == 1);
  CHECK(transport->sent_to(origin + "/b") == 0);
  CHECK(transport->sent_to("https://other.example.net/c") == 1);
  busy = false;
  pass(119'000);
  CHECK(transport->requests.size() == 2);
  pass(1000);
  CHECK(transport->sent_to(origin + "/a") == 2);
  CHECK(transport->sent_to(origin + "/b") == 1);
  CHECK(pending().empty());
}

TEST_CASE_METHOD(push_fixture, "a dead origin delays nobody else") {
  start();
  subscribe(66, origin + "/a");
  subscribe(67, "https://other.example.net/c");
  transport->script = [&](const ports::push_request& request) {
    return request.endpoint.starts_with(origin) ? scripted_transport::with_failure("timeout")
                                                : scripted_transport::with_status(201);
  };
  for (int i = 0; i < 50; ++i) {
    comment(7, 66);
    comment(7, 67);
  }
  CHECK(transport->sent_to("https://other.example.net/c") == 50);
  CHECK(lane(origin)->state == lane_state::waiting);
  CHECK(transport->sent_to(origin + "/a") < 10);
  CHECK(pending().size() == 50);
}

TEST_CASE_METHOD(push_fixture, "a wrong key stops the lane, keeps the devices, and says so") {
  start();
  for (id_t user = 60; user < 66; ++user) subscribe(user, origin + "/" + std::to_string(user));
  transport->script = [](const auto&) { return scripted_transport::with_status(403); };
  for (int round = 0; round < 5; ++round)
    for (id_t user = 60; user < 66; ++user) comment(7, user);
  CHECK(transport->requests.size() == 20);
  CHECK(lane(origin)->state == lane_state::key_refused);
  CHECK(pending().size() == 10);
  for (id_t user = 60; user < 66; ++user) CHECK(devices(user).size() == 1);
  const auto checks = role->readiness();
  CHECK(std::ranges::any_of(checks, [](const auto& c) { return c.degraded && c.name == "push.key"; }));
  pass(options.ttl_ms + options.expiry_check_ms);
  CHECK(pending().empty());
  CHECK(dead_letters().size() == 30);
}

TEST_CASE_METHOD(push_fixture, "a subscription that never worked goes after five refusals, if others are served") {
  start();
  subscribe(66, origin + "/bad");
  subscribe(67, origin + "/good");
  transport->script = [&](const ports::push_request& request) {
    return scripted_transport::with_status(request.endpoint.ends_with("bad") ? 403 : 201);
  };
  for (int i = 0; i < 4; ++i) comment(7, 66);
  CHECK(devices(66).at(0).failures == 4);
  comment(7, 67);
  comment(7, 66);
  CHECK(devices(66).empty());
}

TEST_CASE_METHOD(push_fixture, "successes are written rarely") {
  start();
  subscribe(66, origin + "/a");
  for (int i = 0; i < 10; ++i) comment(7, 66);
  CHECK(subscriptions->given_of<record_delivery>(66).size() == 1);
  pass(options.success_record_ms);
  comment(7, 66);
  CHECK(subscriptions->given_of<record_delivery>(66).size() == 2);
}

}  // namespace social::push
