#include "actors/verify/push/push_check.hpp"

#include <algorithm>
#include <span>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/verify/push/pending_devices.hpp"
#include "actors/verify/push/push_rules.hpp"

namespace social::verify {
namespace {

using namespace domain;
using namespace domain::subscription;

constexpr std::size_t p256dh_bytes = 65;
constexpr std::size_t auth_bytes = 16;
/// The subscriber that reads the api store's journal, and the rows that tell where in Kafka's table this store stands.
constexpr std::string_view api_subscriber = "push";
constexpr std::string_view table_reader = "table";

bool is_known(table where) {
  return where == table::state || where == table::idempotency ||
         (where >= table::endpoint && where <= table::subscriber_user);
}

}  // namespace

push_check::push_check(const store_view& store, const ports::journal* api_log)
    : store_(store),
      api_log_(api_log),
      users_(store, aggregate_kind::subscription),
      subscribers_(store, table::subscriber_user) {}

push_summary push_check::run() {
  walk_state();
  check_endpoints();
  check_deliveries();
  check_gathering();
  check_seen();
  check_jobs();
  check_logs();
  check_cursors();
  check_foreign_tables(store_, is_known);
  return summary_;
}

bool push_check::is_there(const row_key& key) const {
  return store_.rows.get(key, ports::read_tier::disk).what == ports::row_value::status::found;
}

void push_check::walk_state() {
  for_each_row(store_, table::state, [this](const ports::scanned_row& row) {
    if (row.key.a != static_cast<std::uint64_t>(aggregate_kind::subscription) || !row.key.text.empty())
      return store_.found("key", row.key, "no aggregate of this kind lives in this store");
    check_state(row);
  });
  rest_of(subscribers_,
          [this](const ports::scanned_row& row) { store_.found("view", row.key, "names a user who has no device"); });
}

void push_check::check_state(const ports::scanned_row& row) {
  ++summary_.users;
  const auto user = row.key.b;
  if (user == 0 || user > max_id) store_.found("id", row.key, std::to_string(user) + " is no id");
  users_.add(user);
  bool subscribes = false;
  rows_of(
      subscribers_, user,
      [&](const ports::scanned_row& found) {
        subscribes = true;
        expect_empty(store_, found);
      },
      [this](const ports::scanned_row& found) { store_.found("view", found.key, "names a user who has no device"); });
  const auto state = decoded<subscription::state>(store_, row);
  if (!state) return;
  if (state->user != user) store_.found("key", row.key, "is the state of user " + std::to_string(state->user));
  const row_key subscriber{table::subscriber_user, user, 0, {}};
  if (subscribes != !state->devices.empty())
    store_.found("view", subscriber,
                 subscribes ? "names a user who has no device" : "is missing: the user has devices");
  if (state->devices.size() > replicated_devices_per_user_max)
    store_.found("device", row.key,
                 "has " + std::to_string(state->devices.size()) + " devices, more than a person may");
  for (std::size_t i = 0; i < state->devices.size(); ++i) {
    const auto& d = state->devices[i];
    check_device(row.key, d);
    const auto before = std::span(state->devices).first(i);
    if (std::ranges::find(before, d.seq, &device::seq) != before.end())
      store_.found("device", row.key, "has device " + std::to_string(d.seq) + " twice");
    endpoints_wanted_.add(set_member(endpoint_hash(d.endpoint), user, d.row_version));
  }
}

void push_check::check_device(const row_key& at, const device& d) {
  ++summary_.devices;
  const auto name = "device " + std::to_string(d.seq);
  if (d.seq != device_seq(d.endpoint)) store_.found("device", at, name + " has the number of another endpoint");
  if (d.row_version == 0) store_.found("device", at, name + " has no version");
  if (d.p256dh.size() != p256dh_bytes || d.auth.size() != auth_bytes)
    store_.found("device", at, name + " has keys of a wrong length: it cannot be sent to");
}

void push_check::check_endpoints() {
  for_each_row(store_, table::endpoint, [this](const ports::scanned_row& row) {
    if (row.key.a != 0 || row.key.b != 0 || device_seq_of_hash(row.key.text) == 0)
      store_.found("key", row.key, "is no key of this table");
    if (const auto value = decoded<endpoint_row>(store_, row))
      endpoints_there_.add(set_member(row.key.text, value->user, value->row_version));
  });
  if (endpoints_wanted_ != endpoints_there_) explain_endpoints();
}

/// The endpoint row is the truth; reactions bring states and rows together after a while.
void push_check::explain_endpoints() {
  const pending_devices pending(store_);
  for_each_row(store_, table::state, [&](const ports::scanned_row& row) {
    const auto state = decode_record<subscription::state>(row.bytes);
    if (!state) return;
    for (const auto& d : state->devices) {
      const row_key key{table::endpoint, 0, 0, endpoint_hash(d.endpoint)};
      const auto owner = looked_up<endpoint_row>(store_, key);
      if ((owner && owner->user == row.key.b && owner->row_version == d.row_version) || pending.has(d.seq)) continue;
      store_.found("index", key,
                   (owner ? "names another owner or version than" : "is missing, but there is") +
                       std::string(" device ") + std::to_string(d.seq) + " of user " + std::to_string(row.key.b));
    }
  });
  for_each_row(store_, table::endpoint, [&](const ports::scanned_row& row) {
    const auto owner = decode_record<endpoint_row>(row.bytes);
    const auto seq = device_seq_of_hash(row.key.text);
    if (!owner || pending.has(seq)) return;
    const auto state = looked_up<subscription::state>(store_, push::subscription_key(owner->user));
    const bool known = state && std::ranges::any_of(state->devices, [&](const device& d) {
                         return d.seq == seq && d.row_version == owner->row_version;
                       });
    if (!known)
      store_.found("index", row.key,
                   "names device " + std::to_string(seq) + " of user " + std::to_string(owner->user) +
                       ", who does not have it in this version");
  });
}

void push_check::check_cursors() {
  for_each_row(store_, table::cursor, [this](const ports::scanned_row& row) {
    if (row.key.text.starts_with(table_reader)) {
      if (row.bytes.empty()) store_.found("decode", row.key, "is empty");
    } else if (row.key.text != api_subscriber) {
      check_cursor(store_, row, store_.log);
    } else if (api_log_ != nullptr) {
      check_cursor(store_, row, *api_log_);
    }
  });
}

push_summary verify_push_store(const store_view& store, const ports::journal* api_log, std::size_t replay_bytes_max) {
  auto summary = push_check(store, api_log).run();
  replay_options options;
  options.bytes_max = replay_bytes_max;
  // The endpoint row is not: the last to write it wins.
  options.is_own = [](table where) { return where == table::subscriber_user; };
  summary.replay = replay_journal(store, push_kinds(), options);
  return summary;
}

}  // namespace social::verify
