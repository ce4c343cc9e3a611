// What the outbox does when Kafka, the store or one of its own records fails.
#include "tests/unit/kafka/bridge_fixture.hpp"

namespace social::kafka::test {
namespace {

const error lost(error_code::outcome_unknown, "timed out");

TEST_CASE("after a failure everything behind it is sent again by a new producer, and nothing before it",
          "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen_often(0, 5);
  f.happen(1);
  f.start();
  f.kafka.report("0-1");
  f.kafka.report("0-2");
  f.kafka.report("0-4");
  f.kafka.report("0-3", lost);
  f.kafka.report("1-1");  // came with it: it counts
  f.node.run();
  CHECK(f.kafka.alive == 0);
  CHECK(f.status().failures == 1);
  CHECK(f.status().restarts == 1);
  CHECK(f.status().last_failure == "timed out");
  CHECK(f.status().window == 0);
  CHECK(f.status().depth == 3);
  CHECK(f.status().cursors == std::vector<std::uint64_t>{2, 1});
  f.happen(0);
  f.node.run();
  f.pass(999);
  CHECK(f.kafka.lives == 1);
  f.kafka.acknowledges = true;
  f.pass(1);
  CHECK(f.kafka.pushed(2) == ids{"0-3", "0-4", "0-5", "0-6"});
  CHECK(f.status().depth == 0);
  CHECK(f.status().last_failure.empty());
  CHECK(log.count(log::level::warning, "publishing failed") == 1);
  CHECK(log.count(log::level::info, "works again") == 1);
}

TEST_CASE("a failure in the middle of a journal record sends only the rest of it again", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen(0, {plain, plain, twice, plain});
  f.start();
  f.kafka.report("0-1");
  f.kafka.report("0-2");
  f.kafka.report("0-3");
  f.kafka.report("0-4", lost);
  f.node.run();
  f.pass(1'000);
  CHECK(f.kafka.pushed(2) == ids{"0-3", "0-3", "0-4"});
}

TEST_CASE("failures in a row are tried after longer and longer delays, and said once", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen_often(0, 2);
  f.start();
  std::vector<std::int64_t> at;
  for (std::int64_t now = 0; now < 20'000; now += 500) {
    // The second is acknowledged each time, which does not make the trouble with the first another one.
    if (f.kafka.waiting() > 0) {
      at.push_back(now);
      f.kafka.report("0-2");
      f.kafka.report("0-1", lost);
      f.node.run();
    }
    f.pass(500);
  }
  CHECK(at == std::vector<std::int64_t>{0, 1'000, 3'000, 7'000, 11'000, 15'000, 19'000});
  CHECK(log.count(log::level::warning, "publishing failed") == 1);
  f.kafka.acknowledges = true;
  f.pass(4'000);
  CHECK(f.status().depth == 0);
  CHECK(log.count(log::level::info, "works again") == 1);
  f.kafka.acknowledges = false;
  f.happen(0);
  f.node.run();
  f.kafka.report("0-3", lost);
  f.node.run();
  f.pass(1'000);  // short again
  CHECK(f.kafka.waiting() == 1);
  CHECK(log.count(log::level::warning, "publishing failed") == 2);
}

TEST_CASE("a producer whose life is over is replaced", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen_often(0, 2);
  f.start();
  f.kafka.report("0-1");
  f.kafka.die(error{error_code::unavailable, "fenced"});
  f.node.run();
  CHECK(f.status().last_failure == "fenced");
  CHECK(f.status().restarts == 1);
  f.pass(1'000);
  CHECK(f.kafka.pushed(2) == ids{"0-2"});
}

TEST_CASE("a producer that cannot be made is tried again, and the depth is true meanwhile", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.kafka.no_producer = error{error_code::internal, "no memory"};
  f.happen(0);
  f.start();
  f.pass(60'000);
  f.happen(1);
  f.pass(1'000);
  CHECK(f.status().depth == 2);
  CHECK(f.status().age_ms == 61'000);
  CHECK(f.status().last_failure == "no memory");
  CHECK(log.count(log::level::warning, "publishing failed") == 1);
  f.kafka.no_producer.reset();
  f.pass(4'000);
  CHECK(f.status().depth == 0);
  CHECK(f.status().restarts == 0);
}

TEST_CASE("while Kafka is away the window stands full, and depth and age tell", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.options.window_records_max = 2;
  f.happen_often(0, 2);
  f.start();
  for (int i = 0; i < 100; ++i) {
    f.happen(1);
    f.pass(1'000);
  }
  CHECK(f.kafka.sent.size() == 2);
  CHECK(f.status().depth == 102);
  CHECK(f.status().age_ms == 100'000);
  f.kafka.acknowledges = true;
  f.kafka.report_all();
  f.node.run();
  CHECK(f.status().depth == 0);
  CHECK(f.kafka.sent.size() == 102);
}

TEST_CASE("the age is that of the oldest event that is not acknowledged", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.start();
  f.happen(0);
  f.pass(10'000);
  f.happen(1);
  f.pass(10'000);
  CHECK(f.status().age_ms == 20'000);
  f.kafka.report("0-1");
  f.pass(1'000);
  CHECK(f.status().age_ms == 11'000);
  f.kafka.report("1-1");
  f.node.run();
  CHECK(f.status().age_ms == 0);
  f.happen(0);
  f.node.run();
  CHECK(f.status().age_ms < 1'000);  // nothing of the former trouble
}

TEST_CASE("at a record that Kafka refuses its shard stands, loudly, and goes on when it is taken", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.happen_often(0, 4);
  f.happen(1);
  const error never(error_code::invalid_input, "too large");
  SECTION("the producer does not take it") {
    f.kafka.bars = [](const std::string& id) { return id == "0-2"; };
    f.start();
    f.pass(60'000);
    CHECK(f.kafka.pushed() == ids{"0-1", "1-1"});
    CHECK(f.status().refused == "t, event 0-2: too large");
    CHECK(f.status().depth == 3);
    CHECK(f.cursor(0) == 1);
    f.kafka.bars = {};
    f.pass(4'000);
    CHECK(f.kafka.pushed() == ids{"0-1", "1-1", "0-2", "0-3", "0-4"});
  }
  SECTION("the broker refuses it, and what travelled with it") {
    f.kafka.acknowledges = false;
    f.start();
    f.kafka.report("0-1");
    f.kafka.report("0-2", never);
    f.kafka.report("0-3", never);
    f.node.run();
    CHECK(f.status().cursors[0] == 1);
    CHECK(f.status().refused.empty());  // which of them it is shows when each travels alone
    f.pass(1'000);
    CHECK(f.kafka.pushed(2) == ids{"0-2"});
    f.kafka.report("0-2", never);
    f.node.run();
    CHECK(f.status().refused == "t, event 0-2: too large");
    CHECK(f.status().cursors[0] == 1);
    CHECK(f.status().depth == 4);
    f.pass(4'000);
    CHECK(f.kafka.pushed(3) == ids{"1-1"});  // other shards go on
    f.kafka.report("1-1");
    f.node.run();
    CHECK(f.kafka.pushed(3) == ids{"1-1", "0-2"});  // again and again, and nothing behind it
    f.kafka.report("0-2", never);
    f.node.run();
    f.pass(4'000);
    CHECK(f.kafka.pushed(4) == ids{"0-2"});
    f.kafka.report("0-2");  // the limit was raised
    f.node.run();
    CHECK(f.status().refused.empty());
    CHECK(f.kafka.pushed(4) == ids{"0-2", "0-3"});
    f.kafka.acknowledges = true;
    f.kafka.report_all();
    f.node.run();
    CHECK(f.kafka.lives == 4);
  }
  CHECK(f.status().depth == 0);
  CHECK(f.status().refused.empty());
  CHECK(f.status().failures >= 1);
  CHECK(log.count(log::level::error, "Kafka refuses a record") == 1);
  CHECK(f.node->context().dead_letters.counts().at("record_rejected") == 1);
  CHECK(f.node->context().dead_letters.newest(1).at(0).message == "t 0-2: too large");
}

TEST_CASE("whoever waits for an outbox that stands is told so, and not that all is well", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.kafka.bars = [](const std::string& id) { return id == "0-1"; };
  f.happen(0);
  f.start();
  REQUIRE(f.wait_for(0));
  CHECK(f.last_answer()->error().code == error_code::unavailable);
  f.happen(1);
  REQUIRE_FALSE(f.wait_for(1));
  f.pass(4'000);
  REQUIRE(f.last_answer());  // another shard
  CHECK(f.last_answer()->has_value());
  f.kafka.bars = {};
  f.pass(4'000);
  CHECK(f.status().depth == 0);
  REQUIRE(f.wait_for(0));
  CHECK(f.last_answer()->has_value());
}

TEST_CASE("a suspect waits until it is alone, and nothing joins it", "[kafka][bridge]") {
  bridge_fixture f(3);
  f.kafka.acknowledges = false;
  f.happen(1);
  f.happen(2);
  f.start();
  f.kafka.report("2-1", error(error_code::invalid_input, "too large"));
  f.node.run();
  f.happen(0);
  f.pass(1'000);
  CHECK(f.kafka.pushed(2) == ids{"0-1", "1-1"});
  f.kafka.report("1-1");
  f.node.run();
  CHECK(f.kafka.waiting() == 1);
  f.kafka.report("0-1");
  f.node.run();
  f.happen(0);
  f.pass(1'000);
  CHECK(f.kafka.pushed(2) == ids{"0-1", "1-1", "2-1"});
  f.kafka.report("2-1", lost);  // another failure says nothing about it
  f.node.run();
  f.pass(2'000);
  f.kafka.acknowledges = true;
  f.kafka.report_all();
  f.node.run();
  CHECK(f.status().depth == 0);
  CHECK(f.node->context().dead_letters.counts().empty());
}

TEST_CASE("an event that cannot be read is left behind, and the rest of its record is published", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.happen(0, {plain, damaged, plain});
  f.happen(0);
  f.start();
  CHECK(f.kafka.pushed() == ids{"0-1", "0-3", "0-4"});
  CHECK(f.status().undecodable == 1);
  CHECK(f.status().depth == 0);
  CHECK(log.count(log::level::error, "left behind") == 1);
  CHECK(f.node->context().dead_letters.newest(1).at(0).message == "0-1: event 0-2");
}

TEST_CASE("a projection that throws stops nothing", "[kafka][bridge]") {
  bridge_fixture f;
  f.happen_often(0, 3);
  f.under_test.emplace(
      *f.node, f.options, *f.disk, f.disk->ports(), f.node.clock(),
      [](const auto& from, auto& out) {
        if (from.first_sequence == 1) throw std::runtime_error("a defect");
        if (from.first_sequence == 2) throw 7;
        return project(from, out);
      },
      f.kafka.factory());
  f.under_test->open();
  f.node.run();
  CHECK(f.kafka.pushed() == ids{"0-3"});
  CHECK(f.status().undecodable == 2);
}

TEST_CASE("what is left behind is counted once, however often it is met", "[kafka][bridge]") {
  bridge_fixture f;
  f.kafka.acknowledges = false;
  f.happen_often(0, 1);
  f.happen(0, {damaged});
  f.start();
  for (int i = 0; i < 3; ++i) {
    f.kafka.report("0-1", lost);
    f.node.run();
    f.pass(4'000);
  }
  f.kafka.report("0-1");
  f.node.run();
  CHECK(f.status().depth == 0);
  CHECK(f.status().undecodable == 1);
  CHECK(f.node->context().dead_letters.counts().at("undecodable_event") == 1);
}

TEST_CASE("a journal that cannot be read is tried again", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.start();
  f.disk->fail_reads(error{error_code::store_unavailable, "being reopened"});
  f.happen_often(0, 3);
  f.pass(30'000);
  CHECK(f.status().last_failure == "being reopened");
  CHECK(f.status().depth == 3);
  CHECK(log.count(log::level::warning, "cannot be read") == 1);
  f.disk->fail_reads({});
  f.pass(5'000);
  CHECK(f.kafka.pushed() == ids{"0-1", "0-2", "0-3"});
  CHECK(f.status().last_failure.empty());
  CHECK(log.count(log::level::info, "can be read again") == 1);
}

TEST_CASE("cursors that cannot be read are never taken for absent", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.happen(0);
  f.disk->put_bytes(ports::cursor_key("kafka", 0), "\x63nonsense");
  f.start();
  f.pass(5'000);
  CHECK(f.kafka.sent.empty());
  CHECK(f.status().last_failure.find("cursor of kafka, shard 0") == 0);
  CHECK(log.count(log::level::error, "cursors cannot be read") == 1);
  f.disk->put(ports::cursor_key("kafka", 0), ports::cursor_row{0});
  f.pass(1'000);
  CHECK(f.kafka.pushed() == ids{"0-1"});
  f.pass(1'000);
  CHECK(f.status().last_failure.empty());
  CHECK(f.cursor(0) == 1);
}

TEST_CASE("cursors that cannot be written stop nothing and are written later", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.start();
  SECTION("the store refuses") {
    f.happen(0);
    f.disk->refuse(error{error_code::store_unavailable});
    f.pass(2'000);
    f.disk->accept();
  }
  SECTION("the writes fail") {
    f.happen(0);
    f.disk->fail_commits(5, error{error_code::outcome_unknown});
    f.pass(900);
  }
  CHECK(f.kafka.sent.size() == 1);
  CHECK_FALSE(f.cursor(0));
  f.pass(5'000);
  CHECK(f.cursor(0) == 1);
  CHECK(log.count(log::level::warning, "cursors cannot be written") == 1);
  CHECK(log.count(log::level::info, "can be written again") == 1);
}

TEST_CASE("a store that takes nothing does not keep the bridge from ending", "[kafka][bridge]") {
  bridge_fixture f;
  f.happen(0);
  f.start();
  f.disk->refuse(error{error_code::store_unavailable});
  f.stop();
  CHECK(f.node.ended());
}

TEST_CASE("a cursor ahead of the head is an alarm and never a skip, other shards go on", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.disk->put(ports::cursor_key("kafka", 0), ports::cursor_row{2});
  f.happen(0);
  f.happen(1);
  f.start();
  CHECK(f.kafka.pushed() == ids{"1-1"});
  CHECK(f.status().ahead == 1);
  CHECK(f.status().depth == 0);
  f.happen_often(0, 5);  // now the head is beyond it, and nobody knows what lay before
  f.pass(5'000);
  CHECK(f.kafka.pushed() == ids{"1-1"});
  CHECK(f.status().depth == 4);
  CHECK(f.status().age_ms >= 4'000);
  CHECK(log.count(log::level::error, "ahead of the journal") == 1);
  REQUIRE(f.wait_for(0));
  CHECK(f.last_answer()->error().code == error_code::unavailable);
}

TEST_CASE("events that are gone are counted once, said loudly, and passed", "[kafka][bridge]") {
  const captured_log log;
  bridge_fixture f;
  f.happen_often(0, 6);
  auto disk = f.disk->crash();
  disk.records[0].erase(disk.records[0].begin(), disk.records[0].begin() + 4);
  f.disk = std::make_unique<memory_store>(disk);
  f.disk->put(ports::cursor_key("kafka", 0), ports::cursor_row{1});
  f.start();
  CHECK(f.kafka.pushed() == ids{"0-5", "0-6"});
  CHECK(f.status().skipped == 3);
  CHECK(f.status().depth == 0);
  CHECK(log.count(log::level::error, "gone") == 1);
}

}  // namespace
}  // namespace social::kafka::test
