// What the outbox promises while all goes well, and over a restart.
#include "tests/unit/kafka/bridge_fixture.hpp"

namespace social::kafka::test {
namespace {

TEST_CASE("what happened before and after the start is published in the order of each shard", "[kafka][bridge]") {
  bridge_fixture f;
  f.happen(1, {plain, plain});
  f.happen(1);
  f.start();
  f.happen(0);
  f.happen(1);
  f.pass(5);
  CHECK(f.kafka.pushed() == ids{"1-1", "1-2", "1-3", "0-1", "1-4"});
  CHECK(f.status().depth == 0);
  CHECK(f.status().age_ms == 0);
  CHECK(f.status().published == 5);
  CHECK(f.status().window == 0);
  CHECK(f.status().cursors == std::vector<std::uint64_t>{1, 4});
  CHECK(f.status().name == "kafka");
}

TEST_CASE("before the topics exist it only counts, and it counts what there is", "[kafka][bridge]") {
  bridge_fixture f;
  f.happen(0);
  f.pass(3'000);
  f.happen_often(1, 2);
  f.start(false);
  CHECK(f.kafka.lives == 0);
  CHECK(f.status().depth == 3);
  f.pass(1'000);
  CHECK(f.status().depth == 3);
  CHECK(f.status().age_ms == 4'000);
  f.happen(1);
  f.pass(1'000);
  CHECK(f.status().depth == 4);
  CHECK(f.status().age_ms == 5'000);
  f.under_test->open();
  f.node.run();
  CHECK(f.kafka.pushed() == ids{"0-1", "1-1", "1-2", "1-3"});
  CHECK(f.status().depth == 0);
  CHECK(f.status().age_ms == 0);
}

TEST_CASE("the depth is known before anything has run", "[kafka][bridge]") {
  bridge_fixture f;
  f.happen_often(0, 3);
  f.disk->put(ports::cursor_key("kafka", 0), ports::cursor_row{1});
  f.under_test.emplace(*f.node, f.options, *f.disk, f.disk->ports(), f.node.clock(), project, f.kafka.factory());
  CHECK(f.status().depth == 2);
}

TEST_CASE("records are under way together, and the cursor moves over none that is not acknowledged",
          "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen_often(0, 4);
  f.start();
  CHECK(f.kafka.pushed() == ids{"0-1", "0-2", "0-3", "0-4"});
  CHECK(f.status().window == 4);
  f.kafka.report("0-2");
  f.kafka.report("0-4");
  f.pass(1'000);
  CHECK(f.status().cursors[0] == 0);
  CHECK_FALSE(f.cursor(0));
  f.kafka.report("0-1");
  f.pass(1'000);
  CHECK(f.cursor(0) == 2);
  CHECK(f.status().depth == 2);
  f.kafka.report("0-3");
  f.pass(1'000);
  CHECK(f.cursor(0) == 4);
  CHECK(f.kafka.lives == 1);
  CHECK(f.kafka.sent.size() == 4);
}

TEST_CASE("cursors are written now and then, without an fsync of their own, and only those that moved",
          "[kafka][bridge]") {
  bridge_fixture f;
  f.start();
  const auto synced = f.disk->synced_commits();
  f.happen(0);
  f.node.run();
  f.pass(199);
  CHECK_FALSE(f.cursor(0));
  const auto before = f.disk->commits();
  f.pass(1);
  CHECK(f.cursor(0) == 1);
  CHECK_FALSE(f.cursor(1));
  f.pass(60'000);
  CHECK(f.disk->commits() == before + 1);
  CHECK(f.disk->synced_commits() == synced + 1);  // the event's
}

TEST_CASE("the row of a cursor has these bytes, under this key", "[kafka][bridge][golden]") {
  CHECK(encode_record(ports::cursor_row{300}) == std::string("\x01\xac\x02"));
  CHECK(ports::cursor_key("kafka", 7) == domain::row_key{domain::table::cursor, 7, 0, "kafka"});
}

TEST_CASE("it goes on where the last one stood", "[kafka][bridge]") {
  bridge_fixture f;
  f.happen_often(0, 3);
  f.start();
  f.pass(200);
  f.kill();
  f.happen(0);
  f.start();
  CHECK(f.kafka.pushed(2) == ids{"0-4"});
}

TEST_CASE("what was acknowledged and not written down is published again after a crash, with the same ids",
          "[kafka][bridge]") {
  bridge_fixture f;
  f.happen_often(0, 2);
  f.start();
  f.pass(200);
  f.happen_often(0, 2);
  f.pass(10);
  CHECK(f.status().depth == 0);
  f.kill();
  f.start();
  CHECK(f.kafka.pushed(1) == ids{"0-1", "0-2", "0-3", "0-4"});
  CHECK(f.kafka.pushed(2) == ids{"0-3", "0-4"});
}

TEST_CASE("a stop waits for what is under way and writes the cursors", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen_often(0, 3);
  f.start();
  f.kafka.report("0-1");
  f.kafka.report("0-2");
  CHECK(f.stop());
  CHECK(f.cursor(0) == 2);
  CHECK(f.node.ended());
  f.kill();
  f.kafka.acknowledges = true;
  f.start();
  CHECK(f.kafka.pushed(2) == ids{"0-3"});
}

TEST_CASE("a stop waits for a write that is under way, and writes what moved since", "[kafka][bridge]") {
  bridge_fixture f;
  f.happen(0);
  f.start();
  f.disk->hold_commits(true);
  f.pass(200);
  REQUIRE(f.disk->waiting_commits() == 1);
  f.disk->hold_commits(false);
  f.happen(1);  // behind the write that waits
  f.disk->commit_all();
  f.node.run();
  CHECK(f.stop());
  CHECK(f.cursor(0) == 1);
  CHECK(f.cursor(1) == 1);
}

TEST_CASE("events without a topic move the cursor, and one with two records waits for both", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen(0, {silent, silent});
  f.happen(0, {silent, twice, silent});
  f.happen(0, {silent});
  f.happen(1, {silent});
  f.start();
  CHECK(f.kafka.pushed() == ids{"0-4", "0-4"});
  CHECK(f.kafka.sent[0].topic == "t");
  CHECK(f.kafka.sent[1].topic == "u");
  CHECK(f.status().cursors == std::vector<std::uint64_t>{3, 1});
  f.kafka.report(f.kafka.sent[1], placed{});
  f.node.run();
  CHECK(f.status().cursors[0] == 3);
  f.kafka.report(f.kafka.sent[0], placed{});
  f.node.run();
  CHECK(f.status().cursors[0] == 6);
}

TEST_CASE("the window bounds what is under way", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  SECTION("by records") {
    f.options.window_records_max = 3;
  }
  SECTION("by bytes") {
    f.options.window_bytes_max = 3 * 256 - 1;  // a record counts for some more than what librdkafka keeps of it
  }
  SECTION("by the queue of the producer") {
    f.kafka.queue_max = 3;
  }
  f.happen_often(0, 3);
  f.happen_often(1, 3);
  f.start();
  CHECK(f.kafka.pushed() == ids{"0-1", "0-2", "0-3"});
  f.kafka.report("0-2");
  f.node.run();
  if (f.kafka.queue_max != 3) CHECK(f.kafka.sent.size() == 3);  // the first is not acknowledged
  f.kafka.report("0-1");
  f.node.run();
  CHECK(f.kafka.sent.size() == 5);
  while (f.kafka.waiting() > 0) {
    f.kafka.report_all();
    f.node.run();
    CHECK(f.kafka.waiting() <= 3);
  }
  CHECK(f.kafka.pushed() == ids{"0-1", "0-2", "0-3", "1-1", "1-2", "1-3"});
  CHECK(f.status().depth == 0);
}

TEST_CASE("no shard starves another, and a turn ends before the work does", "[kafka][bridge]") {
  bridge_fixture f(3);
  f.options.read_records_max = 2;
  f.happen_often(0, 1'000);
  f.happen(1);
  f.happen(2);
  f.start(false);
  f.under_test->open();
  f.node.step();
  CHECK(f.kafka.sent.size() < 300);
  f.node.run();
  CHECK(f.kafka.sent.size() == 1'002);
  const auto all = f.kafka.pushed();
  CHECK(ids(all.begin(), all.begin() + 4) == ids{"0-1", "0-2", "1-1", "2-1"});
}

TEST_CASE("under load it looks once in an interval, and the first event after a pause does not wait",
          "[kafka][bridge]") {
  bridge_fixture f;
  f.options.pull_interval_ms = 50;
  f.start();
  f.pass(1'000);
  f.happen(0);
  f.node.run();
  CHECK(f.kafka.sent.size() == 1);
  f.pass(10);
  f.happen(0);
  f.happen(1);
  f.node.run();
  CHECK(f.kafka.sent.size() == 1);
  f.pass(39);
  CHECK(f.kafka.sent.size() == 1);
  f.pass(1);
  CHECK(f.kafka.sent.size() == 3);
}

TEST_CASE("the more a look found, the longer the next one waits, up to a limit", "[kafka][bridge]") {
  bridge_fixture f;
  f.options.pull_interval_ms = 5;
  f.options.pull_interval_max_ms = 25;
  f.start();
  f.pass(1'000);
  const auto next_waits = [&](int events, std::int64_t ms) {
    const auto before = f.kafka.sent.size();
    f.happen_often(1, events);
    f.node.run();
    CHECK(f.kafka.sent.size() == before + static_cast<std::size_t>(events));
    f.happen(0);
    f.pass(ms - 1);
    CHECK(f.kafka.sent.size() == before + static_cast<std::size_t>(events));
    f.pass(1);
    CHECK(f.kafka.sent.size() == before + static_cast<std::size_t>(events) + 1);
    f.pass(100);
  };
  next_waits(1, 5);
  next_waits(12, 12);
  next_waits(300, 25);
}

TEST_CASE("reports are taken between records that are sent", "[kafka][bridge]") {
  bridge_fixture f;
  f.options.reports_at_once = 8;
  f.kafka.acknowledges = false;
  f.start();
  f.pass(1'000);
  f.happen_often(0, 100);
  f.node.run();
  CHECK(f.kafka.sent.size() == 100);
  CHECK(f.kafka.row_max == 8);
  f.kafka.report_all();
  f.happen_often(1, 100);
  f.pass(25);
  CHECK(f.kafka.sent.size() == 200);
  CHECK(f.kafka.row_max == 8);
  CHECK(f.status().published == 100);
}

TEST_CASE("many reports wait for the next look, which comes for them alone, too", "[kafka][bridge]") {
  bridge_fixture f;
  f.options.reports_wait_above = 10;
  f.kafka.acknowledges = false;
  f.start();
  f.pass(1'000);
  SECTION("few do not") {
    f.happen_often(0, 10);
    f.node.run();
    f.kafka.report_all();
    f.node.run();
    CHECK(f.status().published == 10);
  }
  SECTION("many do") {
    f.happen_often(0, 20);
    f.node.run();
    f.kafka.report_all();
    f.pass(19);
    CHECK(f.status().published == 0);
    f.pass(1);
    CHECK(f.status().published == 20);
    CHECK(f.status().depth == 0);
  }
  SECTION("but not when the look is over") {
    f.happen_often(0, 20);
    f.node.run();
    f.pass(100);
    f.kafka.report_all();
    f.node.run();
    CHECK(f.status().published == 20);
  }
  SECTION("nor when somebody waits for them") {
    f.happen_often(0, 20);
    f.node.run();
    CHECK_FALSE(f.wait_for(0));
    f.kafka.report_all();
    f.node.run();
    CHECK(f.last_answer() == result<void>());
  }
  SECTION("nor at the end") {
    f.happen_often(0, 20);
    f.node.run();
    f.kafka.report_all();
    CHECK(f.stop());
    CHECK(f.cursor(0) == 20);
  }
}

TEST_CASE("a failure that shows while records are sent ends the life there, and all of it is sent again",
          "[kafka][bridge]") {
  bridge_fixture f;
  f.options.reports_at_once = 2;
  f.options.reports_wait_above = 0;
  f.kafka.acknowledges = false;
  f.start();
  f.pass(1'000);
  f.happen_often(0, 3);
  f.node.run();
  f.kafka.report("0-1");
  f.kafka.report("0-2", error{error_code::outcome_unknown, "timed out"});
  f.happen_often(0, 7);
  f.pass(5);
  CHECK(f.kafka.lives == 1);
  CHECK(f.kafka.alive == 0);
  CHECK(f.kafka.sent.size() <= 5);
  CHECK(f.status().cursors[0] == 1);
  CHECK(f.status().window == 0);
  f.kafka.acknowledges = true;
  f.pass(1'000);
  CHECK(f.kafka.pushed(2) == ids{"0-2", "0-3", "0-4", "0-5", "0-6", "0-7", "0-8", "0-9", "0-10"});
  CHECK(f.status().depth == 0);
}

TEST_CASE("whoever waits for a shard hears when what was there is acknowledged", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.start();
  CHECK(f.wait_for(1) == result<void>());  // nothing is there
  f.happen(1, {plain, silent});
  CHECK_FALSE(f.wait_for(1));
  f.happen(1);
  f.pass(5);
  CHECK(f.kafka.pushed() == ids{"1-1", "1-3"});
  f.kafka.report("1-3");
  f.node.run();
  CHECK_FALSE(f.last_answer());
  f.kafka.report("1-1");
  f.node.run();
  REQUIRE(f.last_answer());
  CHECK(*f.last_answer() == result<void>());
  CHECK(f.wait_for(1) == result<void>());
}

TEST_CASE("whoever waits when the bridge ends hears that, too", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen(1);
  f.start();
  CHECK_FALSE(f.wait_for(1));
  SECTION("by a stop") {
    f.stop();
  }
  SECTION("by its destruction") {
    f.under_test.reset();
    f.node.run();
  }
  REQUIRE(f.last_answer());
  CHECK(f.last_answer()->error().code == error_code::shutting_down);
  if (!f.under_test) return;
  REQUIRE(f.wait_for(1));
  CHECK(f.last_answer()->error().code == error_code::shutting_down);
}

TEST_CASE("after a stop nothing is read and nothing is sent", "[kafka][bridge]") {
  bridge_fixture f;
  f.start();
  f.stop();
  f.happen(0);
  f.pass(5'000);
  CHECK(f.kafka.sent.empty());
  CHECK(f.status().depth == 1);
}

}  // namespace
}  // namespace social::kafka::test
