// The push role on a scheduler that runs only when told to.
#pragma once

#include <filesystem>
#include <optional>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/push/planner.hpp"
#include "actors/push/push_role.hpp"
#include "actors/push/vapid.hpp"
#include "actors/runtime/node.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/push_world.hpp"

namespace social::test {

/// A directory that goes with its owner.
struct temporary_directory {
  std::filesystem::path path;
  temporary_directory() {
    auto name = (std::filesystem::temp_directory_path() / "push-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }
};

inline bool memory_store_has(const memory_store::image& disk, const domain::row_key& key) {
  return disk.rows.contains(encode_memory_key(key));
}

class push_fixture {
 public:
  push_fixture() {
    options.subject = "mailto:operator@example.net";
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    node_.now = [this] { return clock.now(); };
    keys_ = push::vapid_keys::open(directory_.path / "vapid").value();
  }
  ~push_fixture() { end_role(); }

  void start() {
    subscriptions.emplace(*disk, clock);
    push::push_dependencies parts;
    parts.system = &*system_;
    parts.node = &node_;
    parts.store = disk->ports();
    parts.clock = &clock;
    parts.random = &random;
    parts.transport = transport.get();
    parts.keys = keys_;
    parts.options = options;
    parts.command = [this](const protocol::command_message& m) { subscriptions->command(m); };
    parts.console = [this](std::string_view line) { printed += line; };
    parts.detached = false;
    role.emplace(std::move(parts));
    role->start();
    run();
  }
  /// Everything that can happen without time passing.
  void run() {
    scheduler().run();
    while (disk->commit_next()) scheduler().run();
  }
  /// As `run`, but nothing waiting is committed.
  void run_without_commits() { scheduler().run(); }
  void pass(std::int64_t ms) {
    clock.advance(ms);
    role->clock_was_set();
    run();
  }
  /// As `pass`, but only what has set itself a timer notices.
  void fire_timers(std::int64_t ms) {
    clock.advance(ms);
    scheduler().advance_time(std::chrono::milliseconds(ms));
    run();
  }
  bool stop() {
    role->begin_stop();
    run();
    return role->stop(std::chrono::milliseconds(0));
  }
  /// The process dies: what was in memory is gone, the store is as the disk has it. `before_start`: what is done to it
  /// before the next process looks.
  void crash(memory_store::image left, const std::function<void()>& before_start = {}) {
    end_role();
    disk = std::make_unique<memory_store>(std::move(left));
    transport = std::make_unique<scripted_transport>();
    if (before_start) before_start();
    start();
  }

  void consume(std::vector<protocol::push_event> events) {
    role->consume(std::move(events), {}, [this](const result<void>& outcome) { consumed.push_back(outcome); });
    run();
  }
  void consume(protocol::push_event_body body) { consume({event(std::move(body))}); }
  protocol::push_event event(protocol::push_event_body body) {
    return {"1-" + std::to_string(++events_made_), "store", clock.now(), "", std::move(body)};
  }
  void comment(id_t by, id_t owner) { consume(protocol::comment_created{130, owner, 9, by, "Kim", "hello"}); }

  std::optional<result<domain::subscription::device_view>> subscribe(id_t user, std::string endpoint,
                                                                     std::string locale = "ko") {
    std::optional<result<domain::subscription::device_view>> answer;
    protocol::subscribe_request request{user, std::move(endpoint), browser_.public_key, browser_.auth, "", locale, ""};
    role->subscribe(std::move(request), {}, [&](const auto& got) { answer = got; });
    run();
    return answer;
  }
  std::vector<push::delivery_row> pending() const {
    std::vector<push::delivery_row> out;
    for (const auto& row : disk->table_rows(domain::table::delivery))
      out.push_back(decode_record<push::delivery_row>(row.bytes).value());
    return out;
  }
  std::vector<push::delivery_log_row> log() const {
    std::vector<push::delivery_log_row> out;
    for (const auto& row : disk->table_rows(domain::table::delivery_log))
      out.push_back(decode_record<push::delivery_log_row>(row.bytes).value());
    return out;
  }
  std::vector<push::dead_letter_row> dead_letters() const {
    std::vector<push::dead_letter_row> out;
    for (const auto& row : disk->table_rows(domain::table::dead_letter))
      out.push_back(decode_record<push::dead_letter_row>(row.bytes).value());
    return out;
  }
  std::optional<push::lane_report> lane(const std::string& origin) const {
    for (const auto& report : role->metrics().lanes)
      if (report.origin == origin) return report;
    return std::nullopt;
  }
  std::vector<domain::subscription::device> devices(id_t user) const {
    const auto state = disk->row<domain::subscription::state>(push::subscription_key(user));
    return state ? state->devices : std::vector<domain::subscription::device>{};
  }
  runtime::node_context& node() { return node_; }

  hand_clock clock;
  counted_random random;
  push::push_options options;
  std::unique_ptr<memory_store> disk = std::make_unique<memory_store>(4);
  std::unique_ptr<scripted_transport> transport = std::make_unique<scripted_transport>();
  std::optional<direct_subscriptions> subscriptions;
  std::optional<push::push_role> role;
  std::string printed;
  std::vector<result<void>> consumed;

 private:
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
  }
  void end_role() {
    if (!role) return;
    role->stop(std::chrono::milliseconds(0));
    scheduler().run();
    role.reset();
  }

  runtime::node_context node_;
  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
  temporary_directory directory_;
  std::shared_ptr<push::vapid_keys> keys_;
  browser_keys browser_;
  int events_made_ = 0;
};

}  // namespace social::test
