// The whole table between two processes, over sockets. Compaction and restarts of brokers: tests/integration.
#include <atomic>
#include <set>
#include <thread>

#include "actors/base/base64.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/kafka/push/subscription_table.hpp"
#include "actors/kafka/push/table_progress.hpp"
#include "actors/kafka/topics.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/direct_subscriptions.hpp"
#include "tests/support/mock_kafka.hpp"

namespace social::kafka::test {
namespace {

using namespace domain::subscription;
using social::test::eventually;
using social::test::memory_store;
using social::test::mock_kafka;

class system_clock final : public ports::clock {
 public:
  timestamp_t now() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  std::int64_t monotonic_us() const override { return now() * 1000; }
};

const std::string phone = "https://push.example.net/phone";

/// One push process, as far as the table goes.
struct process {
  process(mock_kafka& kafka, memory_store::image disk_image, bool store_fails = false)
      : disk(std::move(disk_image)), subscriptions(disk, clock), node({}, [this] { return clock.now(); }) {
    if (store_fails) disk.refuse(error{error_code::store_unavailable});
    table_parts parts;
    parts.node = &node;
    parts.store = disk.ports();
    parts.clock = &clock;
    parts.command = [this](const protocol::command_message& m) { subscriptions.command(m); };
    parts.settings = kafka.settings();
    parts.health = health;
    parts.make = real_producer(kafka.settings(), {.name = "subscriptions", .partition_by_key_prefix = true}, health);
    table.emplace(std::move(parts));
  }
  ~process() {
    if (table) CHECK(table->stop(std::chrono::seconds(10)));
  }

  void give(id_t user, command what) {
    protocol::command_message message;
    message.kind = domain::aggregate_kind::subscription;
    message.target = user;
    message.shard = shard_of(user, disk.shards());
    message.context.self = user;
    message.context.caller = user;
    message.command = domain::erase(std::move(what));
    message.reply = std::make_shared<protocol::command_slot::element_type>(
        [](const protocol::command_result& outcome) { REQUIRE(outcome); });
    subscriptions.command(message);
  }
  void subscribe_device(id_t user, std::uint64_t version, const std::string& endpoint = phone) {
    subscribe c;
    c.endpoint = endpoint;
    c.p256dh = base64url_encode("\x04" + std::string(64, 'k'));
    c.auth = base64url_encode(std::string(16, 'a'));
    c.locale = "ko";
    c.row_version = version;
    give(user, c);
  }
  [[nodiscard]] std::optional<endpoint_row> row(const std::string& endpoint = phone) const {
    return disk.row<endpoint_row>({domain::table::endpoint, 0, 0, endpoint_hash(endpoint)});
  }
  [[nodiscard]] std::optional<std::uint64_t> version(const std::string& endpoint = phone) const {
    const auto found = row(endpoint);
    return found ? std::optional(found->row_version) : std::nullopt;
  }
  [[nodiscard]] bool catches_up() {
    const auto outcome = std::make_shared<std::atomic<int>>(0);
    table->catch_up([outcome](const result<void>& done) { *outcome = done ? 1 : -1; });
    return eventually([&] { return *outcome != 0; }) && *outcome == 1;
  }

  system_clock clock;
  memory_store disk;
  social::test::direct_subscriptions subscriptions;
  runtime::node node;
  std::shared_ptr<client_health> health = std::make_shared<client_health>();
  std::optional<subscription_table> table;
};

memory_store::image empty(std::string name) {
  return {4, std::move(name), {}, {}, {}};
}

/// A store that a device came to and left, before there was a table.
memory_store::image with_a_past() {
  mock_kafka elsewhere;
  process alone(elsewhere, empty("first"));
  alone.subscribe_device(7, 100);
  alone.give(7, remove_device{device_seq(phone), 100, endpoint_hash(phone)});
  auto out = alone.disk.crash();
  std::erase_if(out.rows, [](const auto& row) { return row.second.key.where == domain::table::cursor; });
  return out;
}

}  // namespace

TEST_CASE("what is answered is in the table, and every process knows it after catching up", "[kafka][table]") {
  mock_kafka kafka;
  kafka.create_topic(std::string(topic::subscription_table), 3);
  process first(kafka, empty("first"));
  process second(kafka, empty("second"));

  std::atomic<int> early{0};
  second.table->catch_up([&](const result<void>& done) { early = done ? 1 : -1; });
  first.subscribe_device(7, 100);
  std::atomic<int> published{0};
  first.table->when_published(7, [&](const result<void>& done) { published = done ? 1 : -1; });
  CHECK_FALSE(first.table->status().reading);
  CHECK(first.table->status().outbox.depth == 1);
  CHECK(early == 0);
  first.table->open();
  REQUIRE(eventually([&] { return published == 1; }));
  second.table->open();
  REQUIRE(eventually([&] { return early == 1; }));
  CHECK(second.version() == 100);
  CHECK(second.row()->in_table);
  REQUIRE(eventually([&] { return first.row()->in_table; }));

  second.subscribe_device(8, 101);
  REQUIRE(eventually([&] { return first.version() == 101; }));
  CHECK(first.row()->user == 8);
  first.give(8, remove_device{device_seq(phone), 101, endpoint_hash(phone)});
  REQUIRE(eventually([&] { return !second.row(); }));
  CHECK(first.table->status().reading);
  CHECK(first.table->status().malformed == 0);
  REQUIRE(eventually([&] { return first.table->status().lag == 0 && first.table->status().outbox.depth == 0; }));

  // All versions of an endpoint lie in one partition.
  const auto lying = kafka.records(std::string(topic::subscription_table));
  std::set<std::pair<std::string, bool>> distinct;  // one may be there twice: announced while it was on its way
  for (const auto& each : lying) distinct.emplace(*each.content.key, each.content.value.has_value());
  CHECK(distinct.size() == 4);
  for (const auto& each : lying) CHECK(each.content.partition == lying.front().content.partition);
}

TEST_CASE("a process goes on where it was, and one that lost its store begins again", "[kafka][table]") {
  mock_kafka kafka;
  kafka.create_topic(std::string(topic::subscription_table), 3);
  std::optional<process> first(std::in_place, kafka, empty("first"));
  first->table->open();
  REQUIRE(first->catches_up());  // what is on its way while the store is compared is said twice
  for (int i = 0; i < 50; ++i)
    first->subscribe_device(1 + static_cast<id_t>(i), 100 + static_cast<std::uint64_t>(i), phone + std::to_string(i));
  REQUIRE(first->catches_up());
  REQUIRE(eventually([&] { return first->table->status().outbox.depth == 0; }));
  REQUIRE(first->catches_up());
  const auto left = first->disk.crash();
  first.reset();

  process again(kafka, left);
  again.table->open();
  REQUIRE(again.catches_up());
  CHECK(again.table->status().applied == 0);
  process lost(kafka, empty("lost"));
  lost.table->open();
  REQUIRE(lost.catches_up());
  CHECK(lost.table->status().applied == 50);
  CHECK(lost.disk.table_rows(domain::table::endpoint).size() == 50);
}

TEST_CASE("devices of a store that never had a table are told to it, before anybody waits no longer",
          "[kafka][table]") {
  mock_kafka kafka;
  kafka.create_topic(std::string(topic::subscription_table), 3);
  auto image = [&] {
    mock_kafka elsewhere;
    process alone(elsewhere, empty("first"));
    for (int i = 0; i < 10; ++i)
      alone.subscribe_device(1, 100 + static_cast<std::uint64_t>(i), phone + std::to_string(i));
    auto out = alone.disk.crash();
    std::erase_if(out.rows, [](const auto& row) { return row.second.key.where == domain::table::cursor; });
    return out;
  }();
  process first(kafka, image);
  first.table->open();
  REQUIRE(first.catches_up());
  REQUIRE(eventually([&] { return kafka.records(std::string(topic::subscription_table)).size() == 10; }));
  CHECK(first.disk.row<table_state_row>(table_state_key())->audit == table_audit_kind::none);
  process second(kafka, empty("second"));
  second.table->open();
  REQUIRE(second.catches_up());
  CHECK(second.disk.table_rows(domain::table::endpoint).size() == 10);
}

TEST_CASE("a store that cannot be written is waited for before anything of it is published", "[kafka][table]") {
  social::test::captured_log lines;
  mock_kafka kafka;
  kafka.create_topic(std::string(topic::subscription_table), 3);
  process first(kafka, with_a_past(), true);
  CHECK(first.table->status().outbox.name == "subscriptions");
  std::atomic<int> refused{0};
  first.table->when_published(7, [&](const result<void>& done) { refused = done ? -1 : 1; });
  CHECK(refused == 1);
  std::atomic<int> opened{-1};
  std::thread opening([&] { opened = first.table->open() ? 1 : 0; });
  SECTION("it comes back: what came before the table is not published") {
    first.disk.accept();
    opening.join();
    CHECK(opened == 1);
    REQUIRE(first.catches_up());
    CHECK(first.table->is_current());
    first.subscribe_device(8, 200, phone + "-new");
    std::atomic<int> published{0};
    first.table->when_published(8, [&](const result<void>& done) { published = done ? 1 : -1; });
    REQUIRE(eventually([&] { return published == 1; }));
    std::set<std::string> endpoints;
    for (const auto& each : kafka.records(std::string(topic::subscription_table)))
      endpoints.insert(each.content.key->substr(0, each.content.key->find('/')));
    CHECK(endpoints.size() == 1);
  }
  SECTION("it does not, and the process is to end") {
    first.table->stop_waiting();
    opening.join();
    CHECK(opened == 0);
    CHECK_FALSE(first.table->status().reading);
    CHECK_FALSE(first.table->is_current());
    CHECK_FALSE(first.table->open());  // a later one does not wait either
  }
}

TEST_CASE("who waits is told when the table ends", "[kafka][table]") {
  mock_kafka kafka;
  kafka.down();
  process first(kafka, empty("first"));
  std::atomic<int> refused{0};
  const auto count = [&](const result<void>& done) {
    if (!done && done.error().code == error_code::shutting_down) ++refused;
  };
  first.table->catch_up(count);
  first.table->open();
  first.table->catch_up(count);
  first.subscribe_device(7, 100);
  first.table->when_published(7, count);
  first.table->stop(std::chrono::milliseconds(100));
  REQUIRE(eventually([&] { return refused == 3; }));
  first.table->catch_up(count);
  CHECK(refused == 4);
  first.table->open();  // too late: nothing begins
  CHECK_FALSE(first.table->status().reading);
  kafka.up();
}

}  // namespace social::kafka::test
