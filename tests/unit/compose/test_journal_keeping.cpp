// The keeper over real stores: what it removes, what it never does, and how it looks from outside.
#include <filesystem>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "actors/events/subscriber.hpp"
#include "actors/ports/cursor.hpp"
#include "config/compose/common/journal_keeping.hpp"
#include "config/compose/common/subscriber_report.hpp"
#include "storage/backup.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

namespace social::compose::test {
namespace {

using social::test::eventually;

static_assert(storage::sequences_skipped == ports::restore_gap);

/// Removed with everything in it.
class scratch {
 public:
  scratch() : path_(std::filesystem::temp_directory_path() / ("social-keeping-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  [[nodiscard]] std::unique_ptr<storage::rocks_store> open(const char* name) const {
    storage::storage_options options;
    options.path = path_ / name;
    options.shards = 2;
    auto opened = storage::rocks_store::open(options);
    if (!opened) FAIL(opened.error().text());
    return std::move(*opened);
  }

 private:
  std::filesystem::path path_;
};

class set_clock final : public ports::clock {
 public:
  timestamp_t now() const override { return now_; }
  std::int64_t monotonic_us() const override { return now_ * 1000; }
  void set(timestamp_t now) { now_ = now; }

 private:
  std::atomic<timestamp_t> now_{1'000'000};
};

void happen(ports::journal& log, shard_t shard, timestamp_t at) {
  ports::commit_request request;
  request.shard = shard;
  request.time = at;
  request.events.push_back({domain::aggregate_kind::user, 1, 1, "\1bytes"});
  REQUIRE(log.reserve());
  log.submit(std::move(request), [](const auto& outcome) {
    if (!outcome) std::abort();
  });
}

constexpr std::int64_t keep_ms = 1'000;

/// One life of the two stores with a keeper and, when it is configured, a subscriber.
struct life {
  life(const scratch& disk, set_clock& clock, bool configured)
      : api(disk.open("api")), push(disk.open("push")), node({.threads = 2}, [&clock] { return clock.now(); }) {
    std::vector<events::journal_holder> readers;
    auto& source = *api->ports().log;
    if (configured) readers.push_back({"push", events::synced_cursors("push", source, push->ports())});
    events::retention_options options;
    options.store = "api";
    options.keep_ms = keep_ms;
    options.records_max = 7;
    options.round_min_ms = 1;
    options.round_max_ms = 5;
    keeper.emplace(node, options, source, clock, std::move(readers),
                   [this](shard_t shard, std::uint64_t hold, timestamp_t before, std::size_t most) {
                     return api->trim_journal(shard, hold, before, most);
                   });
  }
  ~life() {
    keeper->stop();
    if (subscriber) subscriber->stop();
    subscriber.reset();
    keeper.reset();
    push->close();
    api->close();
    node.system().await_all_actors_done();
  }
  life(const life&) = delete;
  life& operator=(const life&) = delete;

  void subscribe() {
    subscriber.emplace(node, events::subscriber_options{.name = "push", .records_max = 10}, *api->ports().log,
                       *push->ports().rows, [this](auto records, auto rows, auto done) {
                         // A row per event: effect and cursor in one batch, and twice the same event is one row.
                         for (const auto& record : records)
                           rows.push_back({{domain::table::state, record.shard, record.first_sequence, {}}, "told"});
                         ports::commit_request request;
                         request.may_skip_sync = true;
                         request.rows = std::move(rows);
                         auto& log = *push->ports().log;
                         if (!log.reserve()) return done(log.refusal());
                         log.submit(std::move(request), [done](const auto& outcome) {
                           done(outcome ? result<void>() : result<void>(outcome.error()));
                         });
                       });
  }
  [[nodiscard]] std::uint64_t oldest(shard_t shard) const { return api->ports().log->oldest(shard); }
  [[nodiscard]] std::uint64_t head(shard_t shard) const { return api->ports().log->head(shard); }
  [[nodiscard]] std::uint64_t rounds() const { return keeper->status().rounds; }
  [[nodiscard]] bool passes_rounds(std::uint64_t count) const {
    const auto from = rounds();
    return eventually([&] { return rounds() >= from + count; });
  }
  [[nodiscard]] bool was_told(shard_t shard, std::uint64_t sequence) const {
    return push->ports().rows->get({domain::table::state, shard, sequence, {}}, ports::read_tier::disk).what ==
           ports::row_value::status::found;
  }

  std::unique_ptr<storage::rocks_store> api;
  std::unique_ptr<storage::rocks_store> push;
  runtime::node node;
  std::optional<events::journal_keeper> keeper;
  std::optional<events::subscriber> subscriber;
};

}  // namespace

TEST_CASE("over real stores: a configured subscriber loses nothing, one that was off is told what it missed",
          "[compose]") {
  const scratch disk;
  set_clock clock;
  constexpr std::uint64_t before = 50;
  {
    life first(disk, clock, true);
    for (std::uint64_t n = 0; n < before; ++n) happen(*first.api->ports().log, 0, clock.now());
    REQUIRE(eventually([&] { return first.head(0) == before; }));
    clock.set(clock.now() + 10 * keep_ms);
    REQUIRE(first.passes_rounds(3));
    CHECK(first.oldest(0) == 1);  // configured, and has not even begun
    CHECK(first.keeper->status().holders.at(0).holds_too_long);
    first.subscribe();
    REQUIRE(eventually([&] { return first.oldest(0) == before; }));
    for (std::uint64_t n = 1; n <= before; ++n) CHECK(first.was_told(0, n));
    CHECK(first.subscriber->status().skipped == 0);
  }
  {
    life off(disk, clock, false);
    for (int n = 0; n < 20; ++n) happen(*off.api->ports().log, 0, clock.now());  // 51 to 70
    REQUIRE(eventually([&] { return off.head(0) == 70; }));
    REQUIRE(off.passes_rounds(2));
    CHECK(off.oldest(0) == 51);  // the retention holds them
    clock.set(clock.now() + 10 * keep_ms);
    happen(*off.api->ports().log, 0, clock.now());
    REQUIRE(eventually([&] { return off.oldest(0) == 71; }));
  }
  life back(disk, clock, true);
  CHECK(back.head(0) == 71);
  back.subscribe();
  REQUIRE(eventually([&] { return back.was_told(0, 71); }));
  REQUIRE(eventually([&] { return back.subscriber->status().skipped == 20; }));
  CHECK_FALSE(back.was_told(0, 60));
  const auto check = check_subscriber(back.subscriber->status());
  CHECK(check.ok);
  CHECK(check.degraded);
  CHECK(check.reason.starts_with("20 events were gone"));
}

TEST_CASE("a journal that is written while it is shortened keeps what is young and counts on", "[compose]") {
  const scratch disk;
  set_clock clock;
  std::uint64_t written = 0;
  {
    life one(disk, clock, true);
    one.subscribe();
    for (; written < 2'000; ++written) {
      happen(*one.api->ports().log, static_cast<shard_t>(written % 2), clock.now());
      if (written % 100 == 0) clock.set(clock.now() + keep_ms / 2);
    }
    REQUIRE(eventually([&] { return one.subscriber->status().lag == 0 && one.head(0) + one.head(1) == written; }));
    CHECK(one.passes_rounds(2));
    CHECK(one.keeper->status().trimmed > 0);
    CHECK(one.subscriber->status().skipped == 0);
    for (shard_t shard = 0; shard < 2; ++shard) {
      const auto left = one.api->ports().log->read(shard, 0, 10'000, 1 << 30).value();
      REQUIRE_FALSE(left.empty());
      CHECK(left.front().first_sequence == one.oldest(shard));
      for (const auto& record : left) CHECK(record.time >= clock.now() - keep_ms);
      for (std::uint64_t n = 1; n <= written / 2; ++n) REQUIRE(one.was_told(shard, n));
    }
  }
  life two(disk, clock, false);
  CHECK(two.head(0) == written / 2);
  CHECK(two.oldest(0) > 1);
}

TEST_CASE("what is wrong with a journal shows in readiness, most urgent first", "[compose]") {
  events::retention_status status;
  status.store = "api";
  status.holders = {{"push", 0, 0, false, {}}, {"kafka", 12, 1'000'000'000, false, {}}};
  constexpr std::uint64_t limit = 1 << 20;
  CHECK_FALSE(check_journal(status, limit, limit).degraded);
  CHECK(check_journal(status, 3 * limit, limit).reason.find("3 MiB") != std::string::npos);
  status.last_failure = "no disk";
  CHECK(check_journal(status, 3 * limit, limit).reason.find("no disk") != std::string::npos);
  status.holders[1].holds_too_long = true;
  const auto held = check_journal(status, 0, limit);
  CHECK(held.name == "api-journal");
  CHECK(held.ok);
  CHECK(held.degraded);
  CHECK(held.reason ==
        "kafka has 12 events to read, the oldest of them 11 d old: they are kept beyond "
        "journal.retention for it");
  status.holders[0].failure = "it does not decode";
  CHECK(check_journal(status, 0, limit).reason.find("cursors of push are not known") != std::string::npos);
  const auto json = nlohmann::json::parse(to_json(status, 7));
  CHECK(json["bytes"] == 7);
  CHECK(json["readers"][0]["failure"] == "it does not decode");
  CHECK(json["readers"][1]["holdsTooLong"] == true);
}

TEST_CASE("a subscriber's state shows in readiness, and its numbers in the report", "[compose]") {
  events::subscriber_status status;
  status.name = "push";
  status.cursors = {4, 5};
  CHECK_FALSE(check_subscriber(status).degraded);
  status.last_failure = "no disk";
  status.lag = 3;
  CHECK(check_subscriber(status).reason == "3 events wait: no disk");
  status.skipped = 8;
  CHECK(check_subscriber(status).reason.starts_with("8 events were gone"));
  status.unreadable = 2;
  CHECK(check_subscriber(status).reason == "3 events wait, 2 shards of the journal cannot be read: no disk");
  status.ahead = 1;
  CHECK(check_subscriber(status).reason.starts_with("1 shards are not read"));
  CHECK(check_subscriber(status).ok);
  const auto json = nlohmann::json::parse(to_json(status));
  CHECK(json["skipped"] == 8);
  CHECK(json["ahead"] == 1);
  CHECK(json["unreadable"] == 2);
  CHECK(json["cursors"] == nlohmann::json::array({4, 5}));
}

}  // namespace social::compose::test
