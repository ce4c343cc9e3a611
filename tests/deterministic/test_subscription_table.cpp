// Several push processes and one table: whatever is decided where, in whatever order it is published, read, read again
// after a crash, and compacted, all of them end with the same devices, and the table holds exactly these.
#include <map>
#include <random>
#include <set>

#include "actors/kafka/push/table_applier.hpp"
#include "actors/kafka/push/table_audit.hpp"
#include "actors/ports/cursor.hpp"
#include "actors/push/reactions.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/push_world.hpp"

namespace social::kafka::test {
namespace {

using namespace domain::subscription;
using domain::table;
using social::test::direct_subscriptions;
using social::test::hand_clock;
using social::test::memory_store;

constexpr std::int32_t partitions = 2;
constexpr shard_t shards = 3;

/// The compacted topic.
class common_topic {
 public:
  explicit common_topic(const hand_clock& clock) : clock_(clock) {}

  void append(const record& what) {
    const auto partition = static_cast<std::int32_t>(static_cast<unsigned char>((*what.key)[0]) % partitions);
    auto& log = logs_[static_cast<std::size_t>(partition)];
    received r;
    r.content = what;
    r.content.partition = partition;
    r.offset = log.next++;
    r.time = clock_.now();
    log.records.push_back(std::move(r));
  }
  [[nodiscard]] std::vector<received> read(std::int32_t partition, std::int64_t from, std::size_t most) const {
    std::vector<received> out;
    for (const auto& r : logs_[static_cast<std::size_t>(partition)].records)
      if (r.offset >= from && out.size() < most) out.push_back(r);
    return out;
  }
  /// Of each key the newest record stays; `tombstones_too`: of those that say "gone" none stays.
  [[nodiscard]] std::int64_t end(std::int32_t partition) const {
    return logs_[static_cast<std::size_t>(partition)].next;
  }
  void compact(bool tombstones_too) {
    for (auto& log : logs_) {
      std::map<std::string, std::int64_t> newest;
      for (const auto& r : log.records) newest[*r.content.key] = r.offset;
      std::erase_if(log.records, [&](const received& r) {
        return newest[*r.content.key] != r.offset || (tombstones_too && !r.content.value);
      });
    }
  }
  void lose() { logs_ = {}; }
  /// Keys that are there and not said to be gone.
  [[nodiscard]] std::set<std::string> live() const {
    std::map<std::string, bool> newest;
    for (const auto& log : logs_)
      for (const auto& r : log.records) newest[*r.content.key] = r.content.value.has_value();
    std::set<std::string> out;
    for (const auto& [key, there] : newest)
      if (there) out.insert(key);
    return out;
  }

 private:
  struct log {
    std::vector<received> records;
    std::int64_t next = 0;
  };
  const hand_clock& clock_;
  std::array<log, partitions> logs_;
};

/// One push process: its store, what it publishes, what it has read.
class process {
 public:
  process(common_topic& topic, hand_clock& clock, memory_store::image left)
      : topic_(topic), clock_(clock), disk(std::move(left)), subscriptions_(disk, clock) {
    start();
    for (shard_t shard = 0; shard < shards; ++shard)
      published_[shard] = disk.row<ports::cursor_row>(ports::cursor_key("subscriptions", shard)).value().sequence;
  }

  void subscribe_device(id_t user, const std::string& endpoint, std::uint64_t version, std::string old = "") {
    subscribe c;
    c.endpoint = endpoint;
    c.old_endpoint = std::move(old);
    c.p256dh = base64url_encode("\x04" + std::string(64, 'k'));
    c.auth = base64url_encode(std::string(16, 'a'));
    c.locale = "ko";
    c.row_version = version;
    give(user, c);
  }
  void give(id_t user, command what) {
    protocol::command_message message;
    message.kind = domain::aggregate_kind::subscription;
    message.target = user;
    message.shard = shard_of(user, shards);
    message.context.self = user;
    message.context.caller = user;
    message.command = domain::erase(std::move(what));
    message.reply = std::make_shared<protocol::command_slot::element_type>(
        [](const protocol::command_result& outcome) { REQUIRE(outcome); });
    subscriptions_.command(message);
  }
  /// The next journal record of a shard. False: there is none.
  bool publish(shard_t shard) {
    const auto records = disk.read(shard, published_[shard], 1, 1 << 20).value();
    if (records.empty()) return false;
    publications out;
    REQUIRE(project_(records[0], out));
    for (const auto& each : out) topic_.append(each.what);
    published_[shard] = records[0].first_sequence + records[0].events.size() - 1;
    return true;
  }
  /// False: nothing was there.
  bool read(std::int32_t partition, std::size_t most) {
    auto& from = reader_[static_cast<std::size_t>(partition)];
    if (!from) from = progress_->position_of(partition).value_or(0);
    if (*from > topic_.end(partition)) from = 0;  // as the reader does
    const auto records = topic_.read(partition, *from, most);
    if (records.empty()) return false;
    REQUIRE(applier_->take(records));
    from = records.back().offset + 1;
    return true;
  }
  bool react(shard_t shard) {
    auto found = push::read_reactions(disk.ports(), shard, followed_[shard], 3).value();
    const bool more = found.read_up_to != followed_[shard];
    followed_[shard] = found.read_up_to;
    for (const auto& c : found.commands) give(c.user, c.command);
    return more;
  }
  bool work_off() {
    bool any = false;
    for (shard_t shard = 0; shard < shards; ++shard) {
      while (publish(shard)) any = true;
      while (react(shard)) any = true;
    }
    for (std::int32_t partition = 0; partition < partitions; ++partition)
      while (read(partition, 100)) any = true;
    return any;
  }
  /// Dies; what was written of positions and cursors may be older than what it did.
  void crash(std::size_t records_again, std::uint64_t events_again) {
    for (auto& sequence : published_) sequence -= std::min(sequence, events_again);
    for (auto& sequence : followed_) sequence -= std::min(sequence, events_again);
    for (std::int32_t partition = 0; partition < partitions; ++partition)
      if (const auto position = progress_->position_of(partition))
        disk.put(table_position_key(partition),
                 table_position_row{std::max<std::int64_t>(*position - static_cast<std::int64_t>(records_again), 0)});
    start();
  }
  void start() {
    reader_ = {};
    progress_.emplace(disk.ports(), "subscriptions");
    REQUIRE(progress_->load(clock_.now()));
    commands_.emplace([this](const protocol::command_message& m) { subscriptions_.command(m); }, clock_, shards);
    applier_.emplace(disk.ports(), clock_, *progress_, *commands_);
  }
  audit_report audit() {
    const auto report = audit_table(disk, *progress_, *commands_).value();
    REQUIRE(progress_->note_complete(clock_.now()));
    return report;
  }

  /// Whose each endpoint is, and with which version.
  [[nodiscard]] std::map<std::string, std::pair<id_t, std::uint64_t>> endpoints() const {
    std::map<std::string, std::pair<id_t, std::uint64_t>> out;
    for (const auto& row : disk.table_rows(table::endpoint)) {
      const auto e = decode_record<endpoint_row>(row.bytes).value();
      out[table_key(row.key.text, e.row_version)] = {e.user, e.row_version};
    }
    return out;
  }
  /// The same as people's devices tell it.
  [[nodiscard]] std::map<std::string, std::pair<id_t, std::uint64_t>> devices() const {
    std::map<std::string, std::pair<id_t, std::uint64_t>> out;
    for (const auto& row : disk.table_rows(table::state)) {
      const auto s = decode_record<state>(row.bytes).value();
      for (const auto& d : s.devices)
        out[table_key(endpoint_hash(d.endpoint), d.row_version)] = {s.user, d.row_version};
      CHECK(disk.get({table::subscriber_user, s.user, 0, {}}, ports::read_tier::disk).what ==
            (s.devices.empty() ? ports::row_value::status::absent : ports::row_value::status::found));
    }
    return out;
  }
  [[nodiscard]] std::optional<std::uint64_t> version_of(const std::string& endpoint) const {
    const auto row = disk.row<endpoint_row>(push::endpoint_key(endpoint));
    return row ? std::optional(row->row_version) : std::nullopt;
  }
  [[nodiscard]] std::optional<id_t> owner_of(const std::string& endpoint) const {
    const auto row = disk.row<endpoint_row>(push::endpoint_key(endpoint));
    return row ? std::optional(row->user) : std::nullopt;
  }

 private:
  common_topic& topic_;
  hand_clock& clock_;

 public:
  memory_store disk;

 private:
  direct_subscriptions subscriptions_;
  const publish_function project_ = publish_subscriptions("store");
  std::array<std::uint64_t, shards> published_{};
  std::array<std::uint64_t, shards> followed_{};
  std::array<std::optional<std::int64_t>, partitions> reader_{};
  std::optional<table_progress> progress_;
  std::optional<subscription_commands> commands_;
  std::optional<table_applier> applier_;
};

struct world {
  hand_clock clock;
  common_topic topic{clock};
  std::vector<std::unique_ptr<process>> processes;
  std::uint64_t versions = 100;

  explicit world(std::size_t count = 2) {
    for (std::size_t i = 0; i < count; ++i) add();
  }
  process& add() { return add({shards, "store-" + std::to_string(processes.size()), {}, {}, {}}); }
  process& add(memory_store::image left) {
    processes.push_back(std::make_unique<process>(topic, clock, std::move(left)));
    return *processes.back();
  }
  process& operator[](std::size_t i) { return *processes[i]; }

  void work_off() {
    for (int rounds = 0;; ++rounds) {
      REQUIRE(rounds < 100);
      bool any = false;
      for (auto& p : processes) any = p->work_off() || any;
      if (!any) return;
    }
  }
  void check_converged() {
    const auto truth = processes[0]->endpoints();
    std::set<std::string> keys;
    for (const auto& [key, whose] : truth) keys.insert(key);
    CHECK(topic.live() == keys);
    for (auto& p : processes) {
      CHECK(p->endpoints() == truth);
      CHECK(p->devices() == truth);
    }
  }
};

const std::string phone = "https://push.example.net/phone";

std::string endpoint_of(std::uint64_t number) {
  return "https://push.example.net/" + std::to_string(number);
}

}  // namespace

TEST_CASE("what one process decides, all know", "[table]") {
  world w;
  w[0].subscribe_device(7, phone, 100);
  w.work_off();
  CHECK(w[1].endpoints().size() == 1);
  w.check_converged();
  w[1].subscribe_device(8, phone, 101);  // moves to another person, elsewhere
  w.work_off();
  w.check_converged();
  CHECK(w[0].owner_of(phone) == 8);
  w[0].give(8, remove_device{device_seq(phone), 101, endpoint_hash(phone)});
  w.work_off();
  w.check_converged();
  CHECK(w.topic.live().empty());
}

TEST_CASE("two processes that subscribe one endpoint at once agree on the newest record", "[table]") {
  world w;
  w[0].subscribe_device(7, phone, 100);
  w[1].subscribe_device(8, phone, 101);
  for (shard_t shard = 0; shard < shards; ++shard) w[1].publish(shard);
  w.work_off();
  w.check_converged();
  CHECK(w[1].owner_of(phone) == 7);
}

TEST_CASE("a late answer about an old version touches no newer one", "[table]") {
  world w;
  w[0].subscribe_device(7, phone, 100);
  w.work_off();
  w[1].subscribe_device(7, phone, 101);
  w[0].give(7, remove_device{device_seq(phone), 100, endpoint_hash(phone)});  // 410, before it has heard
  w.work_off();
  w.check_converged();
  CHECK(w[0].version_of(phone) == 101);
}

TEST_CASE("what had been replaced stays replaced when its record comes late or again", "[table]") {
  world w(3);
  w[0].subscribe_device(7, phone, 100);
  while (w[0].publish(shard_of(7, shards))) continue;
  w[1].read(0, 100);
  w[1].read(1, 100);
  w[0].crash(0, 1);  // has published it, and does not know
  w[1].subscribe_device(8, phone, 101);
  while (w[1].publish(shard_of(8, shards))) continue;
  w.work_off();
  w.check_converged();
  CHECK(w[2].owner_of(phone) == 8);
}

TEST_CASE("one store's two people, published in the wrong order, end with the last one", "[table]") {
  world w;
  w[0].subscribe_device(7, phone, 100);  // shard 1
  w[0].subscribe_device(6, phone, 101);  // shard 0
  while (w[0].publish(0)) continue;
  while (w[0].publish(1)) continue;
  w.work_off();
  w.check_converged();
  CHECK(w[1].owner_of(phone) == 6);
}

TEST_CASE("a process whose store was lost reads everything", "[table]") {
  world w(1);
  for (std::uint64_t i = 0; i < 30; ++i) w[0].subscribe_device(1 + i % 7, endpoint_of(i), 100 + i);
  for (std::uint64_t i = 0; i < 10; ++i)
    w[0].give(1 + i % 7, remove_device{device_seq(endpoint_of(i)), 0, endpoint_hash(endpoint_of(i))});
  w.work_off();
  w.topic.compact(true);
  w.add();
  w.work_off();
  w.check_converged();
  CHECK(w[1].audit().announced == 0);
}

TEST_CASE("a process that was away longer than withdrawals are kept forgets what went", "[table]") {
  world w;
  for (std::uint64_t i = 0; i < 20; ++i) w[0].subscribe_device(1 + i % 7, endpoint_of(i), 100 + i);
  w.work_off();
  w[0].audit();
  w[1].audit();
  for (std::uint64_t i = 0; i < 5; ++i)
    w[0].give(1 + i % 7, remove_device{device_seq(endpoint_of(i)), 0, endpoint_hash(endpoint_of(i))});
  w[0].subscribe_device(3, endpoint_of(7), 500);
  while (w[0].work_off()) continue;
  w.topic.compact(true);
  w.clock.advance(8LL * 24 * 3600 * 1000);

  w[1].start();
  w[1].subscribe_device(5, endpoint_of(90), 600);  // not published yet: it is not missing
  while (w[1].read(0, 3) || w[1].read(1, 3)) continue;
  CHECK(w[1].endpoints().size() == 21);
  const auto report = w[1].audit();
  CHECK(report.removed == 5);
  CHECK(report.announced == 1);
  w.work_off();
  w.check_converged();
}

TEST_CASE("a table that was made anew is told of all devices, by whoever has them", "[table]") {
  world w;
  for (std::uint64_t i = 0; i < 20; ++i) w[0].subscribe_device(1 + i % 7, endpoint_of(i), 100 + i);
  w.work_off();
  w[0].audit();
  w[1].audit();
  w.topic.lose();
  w[0].subscribe_device(3, endpoint_of(7), 500);
  while (w[0].publish(0)) continue;
  for (std::size_t i = 0; i < 2; ++i)
    for (std::int32_t partition = 0; partition < partitions; ++partition) w[i].read(partition, 100);
  CHECK(w[0].audit().announced == 19);
  w.work_off();
  w[1].audit();
  w.work_off();
  w.check_converged();
  CHECK(w[1].endpoints().size() == 20);
}

TEST_CASE("a process that was away and finds the table lost does not lose its devices, too", "[table]") {
  world w(1);
  for (std::uint64_t i = 0; i < 200; ++i) w[0].subscribe_device(1 + i, endpoint_of(i), 1'000 + i);
  w.work_off();
  w[0].audit();
  w.topic.lose();
  w.clock.advance(8LL * 24 * 3600 * 1000);
  w[0].start();
  const auto report = w[0].audit();
  CHECK(report.removed == 0);
  CHECK(report.announced == 200);
  w.work_off();
  w.check_converged();
}

TEST_CASE("devices of a store that had no table are announced to it", "[table]") {
  world w(1);
  for (std::uint64_t i = 0; i < 5; ++i) w[0].subscribe_device(1 + i, endpoint_of(i), 100 + i);
  w[0].subscribe_device(9, endpoint_of(0), 200);
  w[0].give(2, remove_device{device_seq(endpoint_of(1)), 0, endpoint_hash(endpoint_of(1))});
  auto image = w[0].disk.crash();
  image.rows.erase(social::test::encode_memory_key(table_state_key()));  // as it was without Kafka
  world later(0);
  later.add(image);
  later.work_off();  // what was decided before is not published as it happened
  CHECK(later.topic.live().empty());
  CHECK(later[0].audit().announced == 4);
  later.work_off();
  later.check_converged();
  later.add();
  later.work_off();
  later.check_converged();
}

TEST_CASE("a random story of people, processes and crashes converges", "[table]") {
  const auto [from, to] = social::test::seeds(300);
  for (auto seed = from; seed < to; ++seed) {
    CAPTURE(seed, seed % 2);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    world w(2 + below(2));
    const auto endpoints = 1 + below(6);
    const auto people = 1 + below(6);
    const bool crashes = seed % 2 == 0;
    for (int steps = 0; steps < 150; ++steps) {
      auto& p = w[below(w.processes.size())];
      const auto endpoint = endpoint_of(below(endpoints));
      const auto user = 1 + below(people);
      w.clock.advance(1);
      switch (below(crashes ? 12 : 10)) {
        case 0:
        case 1:
          p.subscribe_device(user, endpoint, ++w.versions, below(5) == 0 ? endpoint_of(below(endpoints)) : "");
          break;
        case 2:
          if (const auto row = p.disk.row<endpoint_row>(push::endpoint_key(endpoint)))
            p.give(row->user, remove_device{device_seq(endpoint), row->row_version, endpoint_hash(endpoint)});
          break;
        case 3:
          p.give(user, remove_device{device_seq(endpoint), below(3) == 0 ? 100 + below(w.versions - 99) : 0,
                                     below(2) == 0 ? endpoint_hash(endpoint) : ""});
          break;
        case 4:
        case 5:
          p.publish(static_cast<shard_t>(below(shards)));
          break;
        case 6:
        case 7:
          p.read(static_cast<std::int32_t>(below(partitions)), 1 + below(4));
          break;
        case 8:
          p.react(static_cast<shard_t>(below(shards)));
          break;
        case 9:
          if (below(5) == 0) w.topic.compact(false);
          break;
        default:
          p.crash(below(4), below(2) * below(3));
      }
    }
    w.work_off();
    w.check_converged();
    w.topic.compact(true);
    w.add();  // one that never saw any of it
    w.work_off();
    w.check_converged();
    // Whatever was before: what is subscribed in peace stays.
    for (std::uint64_t i = 0; i < endpoints; ++i) {
      auto& p = w[below(w.processes.size())];
      const auto version = ++w.versions;
      p.subscribe_device(1 + below(people), endpoint_of(i), version);
      w.work_off();
      for (auto& each : w.processes) CHECK(each->version_of(endpoint_of(i)) == version);
    }
    w.check_converged();
  }
}

}  // namespace social::kafka::test
