// How records of the table take effect: order, failures, positions. What they mean is decided by the rules
// (tests/unit/domain/subscription_table_test.cpp), whether all agree by
// tests/deterministic/test_subscription_table.cpp.
#include <thread>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/kafka/push/table_applier.hpp"
#include "actors/kafka/push/table_audit.hpp"
#include "actors/ports/cursor.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/direct_subscriptions.hpp"

namespace social::kafka::test {
namespace {

using namespace domain::subscription;
using social::test::memory_store;

constexpr timestamp_t hour = 3'600'000;

class hand_clock final : public ports::clock {
 public:
  timestamp_t now() const override { return at; }
  std::int64_t monotonic_us() const override { return at * 1000; }
  timestamp_t at = 1'700'000'000'000;
};

std::string endpoint_of(int number) {
  return "https://push.example.net/" + std::to_string(number);
}

received subscribed(int number, id_t user, std::uint64_t version, std::int64_t offset, std::int32_t partition = 0) {
  device_subscribed e;
  e.user = user;
  e.subscribed.endpoint = endpoint_of(number);
  e.subscribed.seq = device_seq(e.subscribed.endpoint);
  e.subscribed.row_version = version;
  e.subscribed.p256dh = "\x04" + std::string(64, 'k');
  e.subscribed.auth = std::string(16, 'a');
  e.subscribed.locale = "ko";
  ports::journal_record from;
  from.events.push_back(domain::encode_event<domain::subscription_aggregate>(user, e));
  publications out;
  REQUIRE(publish_subscriptions("s")(from, out));
  received r;
  r.content = out.at(0).what;
  r.content.partition = partition;
  r.offset = offset;
  r.time = 1'700'000'000'000;
  return r;
}

received withdrawn(int number, std::uint64_t version, std::int64_t offset, std::int32_t partition = 0) {
  auto r = subscribed(number, 1, version, offset, partition);
  r.content.value.reset();
  return r;
}

struct fixture {
  hand_clock clock;
  memory_store disk{4};
  social::test::direct_subscriptions subscriptions{disk, clock};
  std::function<void(protocol::command_message)> command = [this](const protocol::command_message& m) {
    subscriptions.command(m);
  };
  std::optional<table_progress> progress;
  std::optional<subscription_commands> commands;
  std::optional<table_applier> applier;

  fixture() { start(); }
  void start() {
    progress.emplace(disk.ports(), "subscriptions");
    REQUIRE(progress->load(clock.now()));
    commands.emplace([this](protocol::command_message m) { command(std::move(m)); }, clock, disk.shards());
    applier.emplace(disk.ports(), clock, *progress, *commands, applier_options{4, 3});
  }
  std::optional<endpoint_row> row_of(int number) {
    return disk.row<endpoint_row>({domain::table::endpoint, 0, 0, endpoint_hash(endpoint_of(number))});
  }
  std::optional<std::int64_t> position(std::int32_t partition = 0) {
    const auto row = disk.row<table_position_row>(table_position_key(partition));
    return row ? std::optional(row->next) : std::nullopt;
  }
};

}  // namespace

TEST_CASE_METHOD(fixture, "records take effect, then the position is written", "[kafka][table]") {
  REQUIRE(applier->take({subscribed(1, 7, 10, 5), subscribed(2, 8, 20, 0, 3), withdrawn(1, 10, 9)}));
  CHECK_FALSE(row_of(1));
  CHECK(row_of(2)->user == 8);
  CHECK(row_of(2)->in_table);
  CHECK(position(0) == 10);
  CHECK(position(3) == 1);
  CHECK(position(1) == std::nullopt);
  CHECK(applier->applied() == 3);
  CHECK(progress->position_of(0) == 10);

  start();  // a later start
  CHECK(progress->position_of(0) == 10);
  CHECK(progress->position_of(2) == std::nullopt);
}

TEST_CASE_METHOD(fixture, "records of one endpoint wait for each other, others do not", "[kafka][table]") {
  std::vector<protocol::command_message> held;
  std::vector<std::string> order;
  std::mutex mutex;
  command = [&](protocol::command_message m) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(m));
  };
  result<void> taken = error_code::internal;
  std::thread reader([&] {
    taken =
        applier->take({subscribed(1, 7, 10, 0), subscribed(1, 8, 11, 1), subscribed(2, 9, 20, 2), withdrawn(1, 11, 3),
                       subscribed(3, 9, 30, 4), subscribed(4, 9, 40, 5), subscribed(5, 9, 50, 6)});
  });
  const auto waiting = [&] {
    const std::lock_guard lock(mutex);
    return held.size();
  };
  const auto until = [&](std::size_t count) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
         waiting() < count && std::chrono::steady_clock::now() < end;)
      std::this_thread::yield();
    return waiting() == count;
  };
  const auto answer = [&](id_t user) {
    std::optional<protocol::command_message> next;
    {
      const std::lock_guard lock(mutex);
      const auto found = std::ranges::find(held, user, &protocol::command_message::target);
      if (found == held.end()) return false;
      next = std::move(*found);
      held.erase(found);
    }
    subscriptions.command(*next);
    return true;
  };
  CHECK(until(4));  // 1, 2, 3, 4: as many as may be under way
  CHECK_FALSE(position());
  CHECK_FALSE(answer(8));
  CHECK(answer(7));
  CHECK(until(4));
  CHECK(answer(8));  // only now
  CHECK(until(4));
  CHECK(answer(8));  // the withdrawal found whose it is by then
  for (int i = 0; i < 4; ++i) {
    CHECK(until(4 - static_cast<std::size_t>(i)));
    CHECK(answer(9));
  }
  reader.join();
  CHECK(taken);
  CHECK_FALSE(row_of(1));
  CHECK(row_of(5)->user == 9);
  CHECK(position() == 7);
}

TEST_CASE_METHOD(fixture, "a failure of ours moves nothing, and the same records take effect later", "[kafka][table]") {
  const std::vector<received> records{subscribed(1, 7, 10, 0), subscribed(2, 8, 20, 1), withdrawn(1, 10, 2)};
  subscriptions.failing = true;
  CHECK(applier->take(records).error().code == error_code::overloaded);
  CHECK_FALSE(position());
  subscriptions.failing = false;
  disk.fail_reads(error{error_code::io_error});
  CHECK(applier->take(records).error().code == error_code::io_error);
  disk.fail_reads({});
  CHECK(applier->applied() == 0);
  REQUIRE(applier->take(records));
  CHECK_FALSE(row_of(1));
  CHECK(row_of(2));

  // Everything is done, but the position could not be written.
  disk.fail_commits(1, error{error_code::outcome_unknown});
  CHECK_FALSE(applier->take({withdrawn(9, 90, 3)}));
  CHECK(position() == 3);
  const auto given = subscriptions.commands.size();
  REQUIRE(applier->take({withdrawn(9, 90, 3)}));
  CHECK(position() == 4);
  CHECK(subscriptions.commands.size() == given);  // nothing to do for a withdrawal of nothing
  CHECK(applier->malformed() == 0);
}

TEST_CASE_METHOD(fixture, "records that come again change nothing", "[kafka][table]") {
  const std::vector<received> records{subscribed(1, 7, 10, 0), subscribed(1, 8, 11, 1)};
  REQUIRE(applier->take(records));
  const auto given = subscriptions.commands.size();
  disk.put(table_position_key(0), table_position_row{0});  // a crash
  start();
  REQUIRE(applier->take(records));
  CHECK(subscriptions.commands.size() == given);
  CHECK(row_of(1)->user == 8);
}

TEST_CASE_METHOD(fixture, "malformed records are left behind, once counted", "[kafka][table]") {
  social::test::captured_log log;
  auto bad = subscribed(1, 7, 10, 0);
  bad.content.value = "{";
  const std::vector<received> records{bad, subscribed(2, 8, 20, 1)};
  subscriptions.failing = true;
  CHECK_FALSE(applier->take(records));
  subscriptions.failing = false;
  REQUIRE(applier->take(records));
  CHECK(applier->malformed() == 1);
  CHECK(applier->applied() == 1);
  CHECK(position() == 2);
  CHECK(row_of(2));
  CHECK(log.count(log::level::error, "left behind") == 1);
}

TEST_CASE_METHOD(fixture, "a command that fails for no reason of the store is given up after some attempts",
                 "[kafka][table]") {
  command = [&](const protocol::command_message& m) {
    if (m.target == 7) return m.reply->answer(error{error_code::internal, "a damaged row"});
    subscriptions.command(m);
  };
  const std::vector<received> records{subscribed(1, 7, 10, 0), subscribed(2, 8, 20, 1)};
  CHECK_FALSE(applier->take(records));
  CHECK_FALSE(applier->take(records));
  REQUIRE(applier->take(records));
  CHECK(applier->malformed() == 1);
  CHECK(row_of(2)->user == 8);
  CHECK(position() == 2);
}

TEST_CASE_METHOD(fixture, "a stop ends a wait", "[kafka][table]") {
  std::vector<protocol::command_message> held;
  command = [&](protocol::command_message m) { held.push_back(std::move(m)); };
  std::thread stopping([&] { commands->stop(); });
  CHECK(applier->take({subscribed(1, 7, 10, 0)}).error().code == error_code::shutting_down);
  stopping.join();
  CHECK(commands->rest(1'000'000));
}

// --- which table it is

TEST_CASE_METHOD(fixture, "the first start publishes nothing of before and announces what there is", "[kafka][table]") {
  CHECK(progress->audit() == table_audit_kind::announce);
  CHECK(disk.row<ports::cursor_row>(ports::cursor_key("subscriptions", 3))->sequence == 0);
  disk.reserve();
  ports::commit_request events;
  events.shard = 3;
  events.events.resize(2);
  disk.submit(std::move(events), [](const auto&) {});
  auto image = disk.crash();
  image.rows.clear();
  memory_store without(image);
  table_progress first(without.ports(), "subscriptions");
  REQUIRE(first.load(clock.now()));
  CHECK(without.row<ports::cursor_row>(ports::cursor_key("subscriptions", 3))->sequence == 2);
  table_progress second(without.ports(), "subscriptions");
  REQUIRE(second.load(clock.now()));
  CHECK(second.audit() == table_audit_kind::announce);  // until it has been done
  REQUIRE(second.note_complete(clock.now()));
  table_progress third(without.ports(), "subscriptions");
  REQUIRE(third.load(clock.now()));
  CHECK(third.audit() == table_audit_kind::none);
}

TEST_CASE_METHOD(fixture, "places grow with offsets, and above all when the table is read anew", "[kafka][table]") {
  const auto old = progress->place_of(1'000'000'000);
  CHECK(progress->place_of(0) > progress->oldest_place());
  CHECK(progress->place_of(1) > progress->place_of(0));
  REQUIRE(applier->take({subscribed(1, 7, 10, 41)}));
  REQUIRE(progress->read_anew(table_audit_kind::sweep, clock.now()));
  CHECK(progress->oldest_place() > old);
  CHECK(progress->place_of(0) > old);
  CHECK_FALSE(progress->position_of(0));
  CHECK_FALSE(position());
  start();
  CHECK(progress->oldest_place() > old);
  CHECK(progress->audit() == table_audit_kind::sweep);
}

TEST_CASE_METHOD(fixture, "who was away for long reads everything and sweeps; who was not goes on", "[kafka][table]") {
  REQUIRE(progress->note_complete(clock.now()));
  REQUIRE(applier->take({subscribed(1, 7, 10, 41)}));
  clock.at += table_progress::away_ms_max;
  start();
  CHECK(progress->position_of(0) == 42);
  CHECK(progress->audit() == table_audit_kind::none);

  // Records say until when the table is known, too.
  auto later = subscribed(2, 7, 20, 42);
  later.time = clock.at - hour;
  REQUIRE(applier->take({later}));
  clock.at += table_progress::away_ms_max - hour;
  start();
  CHECK(progress->position_of(0) == 43);
  clock.at += 1;
  start();
  CHECK_FALSE(progress->position_of(0));
  CHECK(progress->audit() == table_audit_kind::sweep);
}

TEST_CASE_METHOD(fixture, "a table whose offsets go back was made anew", "[kafka][table]") {
  social::test::captured_log log;
  REQUIRE(progress->note_complete(clock.now()));
  REQUIRE(applier->take({subscribed(1, 7, 10, 41), subscribed(2, 7, 20, 41, 1)}));
  REQUIRE(applier->take({subscribed(1, 8, 11, 0)}));
  CHECK(log.count(log::level::error, "made anew") == 1);
  CHECK(row_of(1)->user == 8);
  CHECK(progress->audit() == table_audit_kind::announce);
  CHECK(position(0) == 1);
  CHECK_FALSE(position(1));
  REQUIRE(applier->take({subscribed(3, 8, 30, 0, 1), subscribed(1, 8, 12, 1)}));
  CHECK(log.count(log::level::error, "made anew") == 1);
  const auto report = audit_table(disk, *progress, *commands).value();
  CHECK(report.rows == 3);
  CHECK(report.announced == 1);
  CHECK(subscriptions.given_of<announce_device>(7).size() == 1);
}

TEST_CASE_METHOD(fixture, "damaged rows of the table's progress are not taken for absent", "[kafka][table]") {
  disk.put_bytes(table_position_key(0), "\x09");
  CHECK(table_progress(disk.ports(), "x").load(clock.now()).error().code == error_code::corrupt_record);
  disk.put_bytes(table_state_key(), "\x09");
  CHECK(table_progress(disk.ports(), "x").load(clock.now()).error().code == error_code::corrupt_record);
  disk.fail_reads(error{error_code::io_error});
  CHECK(table_progress(disk.ports(), "x").load(clock.now()).error().code == error_code::io_error);
}

TEST_CASE_METHOD(fixture, "an audit that fails is an error, and a later one does the rest", "[kafka][table]") {
  REQUIRE(applier->take({subscribed(1, 7, 10, 0), subscribed(2, 8, 20, 1)}));
  REQUIRE(progress->read_anew(table_audit_kind::sweep, clock.now()));
  subscriptions.failing = true;
  CHECK(audit_table(disk, *progress, *commands).error().code == error_code::overloaded);
  subscriptions.failing = false;
  CHECK(audit_table(disk, *progress, *commands, {1, 100}).value().removed == 2);
  CHECK_FALSE(row_of(1));
  CHECK_FALSE(row_of(2));
}

TEST_CASE("the rows of the table's progress have these bytes", "[kafka][table][golden]") {
  CHECK(encode_record(table_state_row{3, 100, table_audit_kind::sweep}) == std::string("\x01\x03\xC8\x01\x02", 5));
  CHECK(encode_record(table_position_row{300}) == std::string("\x01\xD8\x04", 3));
  CHECK(table_state_key().text == "table");
  CHECK(table_position_key(12).text == "table/12");
}

}  // namespace social::kafka::test
