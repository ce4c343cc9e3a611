// Many deliveries, time, start and stop, what the role says of itself.
#include "tests/deterministic/push_fixture.hpp"
#include "tests/support/golden.hpp"

namespace social::push {
namespace {

using test::push_fixture;
using test::scripted_transport;

const std::string origin = "https://push.example.net";

}  // namespace

TEST_CASE_METHOD(push_fixture, "more than memory holds waits in the store and is all sent, once each") {
  options.lane_queue_max = 8;
  start();
  subscribe(66, origin + "/a");
  subscribe(67, origin + "/b");
  transport->hold = true;
  std::vector<protocol::push_event> events;
  for (int i = 0; i < 100; ++i) events.push_back(event(protocol::comment_created{130, 66, 9, 7, "Kim", "x"}));
  consume(events);
  comment(7, 67);
  CHECK(lane(origin)->queued <= 8);
  std::size_t others_before = 0;
  while (!transport->waiting.empty()) {
    if (transport->sent_to(origin + "/b") == 0) ++others_before;
    transport->answer_next(scripted_transport::with_status(201));
    run();
  }
  CHECK(transport->sent_to(origin + "/a") == 100);
  CHECK(transport->sent_to(origin + "/b") == 1);
  CHECK(others_before < 10);  // the second person does not wait for the hundred of the first
  CHECK(pending().empty());
  CHECK(role->metrics().pending == 0);
}

TEST_CASE_METHOD(push_fixture, "a crash in the middle of a fan-out loses nobody and tells nobody twice") {
  options.fan_out_chunk_users = 10;
  options.join_interval_ms = 0;
  start();
  for (id_t user = 1; user <= 35; ++user) subscribe(user, origin + "/" + std::to_string(user));
  disk->hold_commits(true);
  role->consume({event(protocol::user_joined{500, "Kim"})}, {}, [](const auto&) {});
  run_without_commits();
  disk->commit_next();  // the event
  run_without_commits();
  while (disk->table_rows(domain::table::delivery).empty()) {  // the first chunk
    REQUIRE(disk->commit_next());
    run_without_commits();
  }
  const auto sent_before = transport->requests;
  CHECK(sent_before.size() == 10);
  const auto left = disk->crash();
  const auto first_transport = std::move(transport);
  crash(left);
  // The first ten may come twice (their outcome was not written), with their topic.
  CHECK(transport->requests.size() == 35);
  for (const auto& request : sent_before) CHECK(transport->sent_to(request.endpoint) == 1);
  CHECK(disk->table_rows(domain::table::fan_out).empty());
  CHECK(log().size() == 35);
}

TEST_CASE_METHOD(push_fixture, "gathered likes go out at the end of their minute, also over a crash") {
  start();
  subscribe(66, origin + "/a");
  for (id_t who = 1; who <= 4; ++who) consume(protocol::post_liked{130, 66, who, "n" + std::to_string(who), "post"});
  CHECK(transport->requests.size() == 1);
  crash(disk->crash());
  CHECK(transport->requests.empty());
  pass(60'000);
  CHECK(transport->requests.size() == 1);
  REQUIRE(log().size() == 2);
  CHECK(disk->table_rows(domain::table::gather).size() == 1);
  pass(60'000);
  CHECK(disk->table_rows(domain::table::gather).empty());
}

TEST_CASE_METHOD(push_fixture, "without a subject only allowed origins are sent to; the rest waits until its end") {
  options.subject.clear();
  options.allow_origins = {"http://127.0.0.1:9999"};
  start();
  subscribe(66, origin + "/a");
  subscribe(67, "http://127.0.0.1:9999/b");
  comment(7, 66);
  comment(7, 67);
  CHECK(transport->requests.size() == 1);
  CHECK(transport->requests[0].endpoint == "http://127.0.0.1:9999/b");
  CHECK(pending().size() == 1);
  CHECK(role->report_push().find("push.subject") != std::string::npos);
  const auto checks = role->readiness();
  CHECK(std::ranges::any_of(checks, [](const auto& c) { return c.degraded && c.name == "push.subject"; }));

  SECTION("with a subject at the next start it goes out") {
    options.subject = "mailto:operator@example.net";
    crash(disk->crash());
    CHECK(transport->requests.size() == 1);
    CHECK(pending().empty());
  }
  SECTION("at the end of its life it becomes a dead letter, and the readiness clears") {
    pass(options.ttl_ms + 1);
    CHECK(pending().empty());
    CHECK(dead_letters().size() == 1);
    pass(options.expiry_check_ms);
    pass(options.lane_idle_ms + 1);
    CHECK_FALSE(lane(origin));
    CHECK(role->report_push().find("push.subject") == std::string::npos);
  }
}

TEST_CASE_METHOD(push_fixture, "console mode prints one line per device, byte for byte, once") {
  options.mode = push_mode::console;
  start();
  subscribe(66, origin + "/abc", "en");
  comment(7, 66);
  CHECK(printed == origin + "/abc -> \"Kim가 코멘트를 달았습니다.\" 푸쉬발송\n");
  CHECK(transport->requests.empty());
  CHECK(pending().empty());
  const auto once = printed;
  crash(disk->crash());
  CHECK(printed == once);
  printed.clear();
  consume(protocol::connection_requested{7, 66, "Kim"});
  CHECK(test::golden("push/console.txt").find(printed.substr(printed.find("->"))) != std::string::npos);
}

TEST_CASE_METHOD(push_fixture, "subscribing names every wrong field and stores nothing") {
  start();
  std::optional<result<domain::subscription::device_view>> answer;
  role->subscribe(
      {66, "http://10.0.0.1/x", base64url_encode(std::string("\x04") + std::string(64, 'x')), "short", "", "", ""}, {},
      [&](const auto& got) { answer = got; });
  run();
  REQUIRE(answer);
  REQUIRE(answer->has_error());
  CHECK(answer->error().code == error_code::invalid_input);
  CHECK(answer->error().fields.size() == 3);
  CHECK(devices(66).empty());

  const auto saved = subscribe(66, origin + "/a");
  CHECK(saved->value().user_id == 66);
  CHECK(devices(66).at(0).vapid_key_id == role->current_key()->key_id);
}

TEST_CASE_METHOD(push_fixture, "a duplicate event is taken once, also after a restart") {
  start();
  subscribe(66, origin + "/a");
  const auto e = event(protocol::comment_created{130, 66, 9, 7, "Kim", "x"});
  consume({e});
  consume({e});
  CHECK(stop());
  crash(disk->crash());
  consume({e});
  CHECK(transport->requests.empty());
  CHECK(log().size() == 1);
  CHECK(role->metrics().events_duplicate == 1);
}

TEST_CASE_METHOD(push_fixture, "too many batches are refused at once") {
  options.batches_waiting_max = 3;
  start();
  disk->hold_commits(true);
  for (int i = 0; i < 4; ++i)
    role->consume({event(protocol::comment_created{130, 66, 9, 7, "Kim", "x"})}, {},
                  [this](const result<void>& outcome) { consumed.push_back(outcome); });
  REQUIRE(consumed.size() == 1);
  CHECK(consumed[0].error().code == error_code::overloaded);
  run();
  CHECK(consumed.size() == 4);
}

TEST_CASE_METHOD(push_fixture, "dead letters are bounded, the oldest leave") {
  options.dead_letters_max = 5;
  start();
  subscribe(66, origin + "/a");
  transport->script = [](const auto&) { return scripted_transport::with_status(413); };
  for (int i = 0; i < 12; ++i) {
    comment(7, 66);
    clock.advance(10);
  }
  pass(600'000);
  REQUIRE(dead_letters().size() == 5);
  CHECK(decode_record<delivery_row>(dead_letters()[4].delivery).value().event_id == "1-12");
  CHECK(nlohmann::json::parse(role->report_dead_letters(3)).at("deadLetters").size() == 3);
}

TEST_CASE_METHOD(push_fixture, "a lane without work goes, and comes back with work") {
  start();
  subscribe(66, origin + "/a");
  comment(7, 66);
  CHECK(lane(origin));
  pass(options.lane_idle_ms);
  CHECK_FALSE(lane(origin));
  comment(7, 66);
  CHECK(transport->requests.size() == 2);
}

TEST_CASE_METHOD(push_fixture, "more origins than lanes: those that rest make way") {
  options.lanes_max = 2;
  start();
  for (id_t user = 1; user <= 5; ++user) subscribe(user, "https://push" + std::to_string(user) + ".example.net/x");
  transport->script = [](const ports::push_request& request) {
    return request.endpoint.starts_with("https://push1") || request.endpoint.starts_with("https://push2")
               ? scripted_transport::with_status(429)
               : scripted_transport::with_status(201);
  };
  for (id_t user = 1; user <= 5; ++user) comment(7, user);
  for (int i = 0; i < 30 && pending().size() > 2; ++i) pass(1000);
  CHECK(pending().size() == 2);
  CHECK(log().size() == 3);
}

TEST_CASE_METHOD(push_fixture, "the actors can be looked at") {
  start();
  subscribe(66, origin + "/a");
  comment(7, 66);
  CHECK(node().actors.list({"push", std::nullopt, runtime::actor_order::id, 10}).size() == 1);
  CHECK(node().actors.list({"lane", std::nullopt, runtime::actor_order::id, 10}).size() == 1);
  CHECK(role->report_push().find(origin + "/a") == std::string::npos);
  CHECK(nlohmann::json::parse(role->report_push()).at("answers").size() == 1);
}

TEST_CASE_METHOD(push_fixture, "logs of a device are bounded and go with it") {
  options.log_rows_per_device = 10;
  start();
  subscribe(66, origin + "/a");
  for (int i = 0; i < 200; ++i) {
    comment(7, 66);
    clock.advance(1);
  }
  CHECK(log().size() < 10 + 80);
  CHECK(log().size() >= 10);
  transport->script = [](const auto&) { return scripted_transport::with_status(410); };
  comment(7, 66);
  comment(7, 66);
  CHECK(devices(66).empty());
  CHECK(log().size() <= 1);
}

}  // namespace social::push
