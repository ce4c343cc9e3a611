#include "config/compose/push/push_side.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "actors/aggregates/region.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/push/endpoint_turns.hpp"
#include "actors/push/first_key.hpp"
#include "actors/push/push_role.hpp"
#include "actors/push/reactions.hpp"
#include "actors/push/transport.hpp"
#include "actors/push/vapid.hpp"
#include "config/compose/common/aggregate_limits.hpp"
#include "config/compose/common/journal_keeping.hpp"
#include "config/compose/push/push_metrics.hpp"
#include "storage/stopped_store.hpp"

namespace social::compose {
namespace {

push::push_options push_options_of(const config::settings& s, bool embedded, const std::string& public_url) {
  push::push_options o;
  o.mode = s.push.mode == config::push_mode::console ? push::push_mode::console : push::push_mode::webpush;
  o.subject = s.push.subject;
  o.allow_origins = s.push.allow_origins;
  o.public_url = public_url;
  o.embedded = embedded;
  o.ttl_ms = s.push.ttl.count();
  o.join_audience_everyone = s.push.audience == config::join_audience::everyone;
  o.join_interval_ms = s.push.join_interval.count();
  o.fan_out_chunk_users = s.limits.fan_out_chunk_devices;
  o.lanes_max = s.limits.push_lanes;
  o.lane_requests_max = s.limits.push_lane_concurrency;
  o.lane_queue_max = s.limits.push_lane_queue_deliveries;
  o.dead_letters_max = s.limits.dead_letters;
  return o;
}

result<std::unique_ptr<push::transport>> make_transport(const config::settings& s) {
  push::transport_options o;
  o.endpoints.allow_origins = s.push.allow_origins;
  o.ca_files = s.push.ca_files;
  o.connections_per_origin_max = s.limits.push_lane_concurrency;
  return push::transport::make(std::move(o));
}

events::journal_holder reactions_reader(const ports::store& store) {
  return {"reactions", [store] { return push::reaction_cursors(store); }, push::reaction_cursor_lag_max};
}

push::key_places key_places_of(const config::settings& s) {
  return {s.push.vapid_dir, s.data / "secrets" / "vapid", s.data / "push"};
}

/// Lets nobody through until it is opened. A delivery that waits here is not answered yet, so none is lost.
class console_gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

}  // namespace

struct push_side::parts {
  explicit parts(host& on) : on(on) {}
  host& on;
  bool embedded = true;
  opened_store store;
  std::shared_ptr<push::vapid_keys> keys;
  std::unique_ptr<push::transport> transport;
  std::unique_ptr<aggregates::region> region;
  std::unique_ptr<push::endpoint_turns> turns;  ///< before the region, for all who command Subscriptions
  std::shared_ptr<console_gate> console = std::make_shared<console_gate>();
  std::unique_ptr<push::push_role> role;
  std::unique_ptr<journal_keeping> journal;
  std::atomic<push::push_role*> serving{nullptr};  ///< HTTP is open before the role is made, which needs its URL
};

push_side::push_side(std::unique_ptr<parts> parts) : parts_(std::move(parts)) {}
push_side::~push_side() {
  open_console();
}

result<std::unique_ptr<push_side>> push_side::open(host& on, bool embedded) {
  auto made = std::make_unique<parts>(on);
  made->embedded = embedded;
  auto store = on.open_store("push", on.data().push());
  if (!store) return store.error();
  made->store = std::move(*store);
  auto keys = push::vapid_keys::open(on.settings.push.vapid_dir, [&rows = *made->store.ports.rows, &on] {
    return push::check_first_key(rows, key_places_of(on.settings));
  });
  if (!keys) return keys.error();
  made->keys = std::move(*keys);
  if (on.settings.push.mode == config::push_mode::webpush) {
    auto transport = make_transport(on.settings);
    if (!transport) return transport.error();
    made->transport = std::move(*transport);
  }
  aggregates::region_parts region;
  region.node = &on.node;
  region.store = made->store.ports;
  region.clock = &on.clock;
  region.kinds.add<domain::subscription_aggregate>();
  region.limits = aggregate_limits_of(on.settings.limits);
  region.limits.must_sync = true;  // no journal elsewhere replays what a device asked for
  region.limits.disk_readers = 1;
  // Each is needed for a moment only, and all of them in turn when the table of subscriptions is read from its
  // beginning.
  region.limits.shard_entities_max = std::min<std::size_t>(region.limits.shard_entities_max, 256);
  region.prefix = "push-";
  made->region = std::make_unique<aggregates::region>(std::move(region));
  made->turns = std::make_unique<push::endpoint_turns>(
      [to = made->region.get()](protocol::command_message m) { to->send(std::move(m)); },
      push::endpoint_turns::waiting_max_default,
      [&on] {
        on.node.context().dead_letters.add(
            {on.clock.now(), "endpoints_full", "push/endpoint-turns", "command_message"});
      });
  return std::unique_ptr<push_side>(new push_side(std::move(made)));
}

void push_side::start(const std::string& public_url) {
  auto& p = *parts_;
  push::push_dependencies d;
  d.system = &p.on.node.system();
  d.node = &p.on.node.context();
  d.store = p.store.ports;
  d.clock = &p.on.clock;
  d.random = &p.on.random;
  d.transport = p.transport.get();
  d.keys = p.keys;
  d.options = push_options_of(p.on.settings, p.embedded, public_url);
  d.command = [turns = p.turns.get()](protocol::command_message m) { turns->send(std::move(m)); };
  d.console = [gate = p.console](std::string_view line) {
    gate->pass();
    config::print_line(line);
  };
  p.role = std::make_unique<push::push_role>(std::move(d));
  auto* role = p.role.get();
  p.on.inspector.add_metrics([role](inspect::metric_sink& sink) { collect_push(role->metrics(), sink); });
  p.on.inspector.add_checks([role] { return role->readiness(); });
  p.on.inspector.add_report("push", [role] { return role->report_push(); });
  p.on.inspector.add_dead_letters("push", [role] { return role->report_dead_letters(); });
  // Those of Kafka's topics have colons.
  p.on.inspector.add_replayer(
      [](std::string_view id) { return id.find(':') == std::string_view::npos; },
      [role](std::string id, auto done) { role->replay_dead_letter(std::move(id), std::move(done)); });
  role->start();
  p.serving = role;
}

void push_side::open_console() {
  parts_->console->open();
}

void push_side::consume(std::vector<protocol::push_event> events, std::vector<domain::row_change> cursors,
                        std::uint64_t epoch, std::function<void(result<void>)> done) {
  parts_->role->consume(std::move(events), std::move(cursors), std::move(done), epoch);
}

void push_side::subscribe(protocol::subscribe_request request, domain::command_context context,
                          std::function<void(result<domain::subscription::device_view>)> done) {
  auto* role = parts_->serving.load();
  if (role == nullptr) return done(error_code::unavailable);
  role->subscribe(std::move(request), std::move(context), std::move(done));
}

void push_side::remove_device(protocol::remove_device_request request, domain::command_context context,
                              std::function<void(result<protocol::device_removed>)> done) {
  auto* role = parts_->serving.load();
  if (role == nullptr) return done(error_code::unavailable);
  role->remove_device(request, std::move(context), std::move(done));
}

void push_side::command(protocol::command_message message) {
  parts_->turns->send(std::move(message));
}

std::uint64_t push_side::pending() const {
  const auto* role = parts_->serving.load();
  return role == nullptr ? 0 : static_cast<std::uint64_t>(std::max<std::int64_t>(0, role->metrics().pending));
}

result<protocol::push_key> push_side::push_key() const {
  const auto* role = parts_->serving.load();
  if (role == nullptr) return error_code::unavailable;
  return role->current_key();
}

ports::store push_side::store() {
  return parts_->store.ports;
}

void push_side::keep_journal(std::vector<events::journal_holder> readers) {
  auto& p = *parts_;
  readers.push_back(reactions_reader(p.store.ports));
  p.journal = std::make_unique<journal_keeping>(p.on, "push", p.store, std::move(readers));
}

bool push_side::stop(std::chrono::milliseconds deadline) {
  auto& p = *parts_;
  if (p.journal) p.journal->stop();
  open_console();
  bool in_time = !p.role || p.role->stop(deadline / 2);
  if (p.transport) p.transport->stop();
  return p.region->stop(deadline / 2) && in_time;
}

void push_side::close_store() {
  parts_->store.store->close();
}

// --- subcommands
// ------------------------------------------------------------------------------------------------------

namespace {

/// The first command on a new data directory closes it to others, as the first start does.
result<std::shared_ptr<push::vapid_keys>> keys_of(const config::settings& s) {
  const auto below = s.push.vapid_dir.lexically_relative(s.data);
  if (!below.empty() && *below.begin() != "..") {
    if (const auto data = config::data_directory::open(s.data); !data) return data.error();
  }
  // Whether a store has devices is seen by the server that opens it.
  const auto at = key_places_of(s);
  return push::vapid_keys::open(
      at.wanted, [&at] { return push::check_first_key_of_command(storage::stopped_store::is_at(at.store), at); });
}

void print_keys(const push::vapid_keys& keys) {
  for (const auto& key : keys.list())
    config::print_line(key.id + " " + key.public_key + (key.current ? " current\n" : "\n"));
}

}  // namespace

config::exit_code show_vapid(const config::settings& settings) {
  const auto keys = keys_of(settings);
  if (!keys) return config::fail(keys.error());
  print_keys(**keys);
  return config::exit_code::done;
}

config::exit_code rotate_vapid(const config::settings& settings) {
  const auto keys = keys_of(settings);
  if (!keys) return config::fail(keys.error());
  if (const auto rotated = (*keys)->rotate(); !rotated) return config::fail(rotated.error());
  print_keys(**keys);
  return config::exit_code::done;
}

}  // namespace social::compose
