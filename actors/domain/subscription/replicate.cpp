// What follows from the common table of all push processes (docs/adr/0013). Its records come in the order of `place`,
// and may come again after a crash: everything here is decided upon the endpoint's row, so that a second time changes
// nothing.
#include <algorithm>

#include "actors/domain/subscription/rules.hpp"

namespace social::domain::subscription {
namespace {

bool contains(const std::vector<std::uint64_t>& versions, std::uint64_t version) {
  return std::ranges::find(versions, version) != versions.end();
}

/// The record's device with what only this store's deliveries know.
device merged(const state& s, const replicate_device& c) {
  auto d = c.replicated;
  const auto* before = find_device(s, d.seq);
  if (before == nullptr) return d;
  d.last_success_at = before->last_success_at;
  if (before->row_version == d.row_version) {  // failures belong to the keys
    d.failures = before->failures;
    d.first_failure_at = before->first_failure_at;
  }
  return d;
}

}  // namespace

decided decide_replicate(const state& s, const facts& f, const command_context& context, const replicate_device& c) {
  const auto& incoming = c.replicated;
  if (context.self == 0 || incoming.row_version == 0 || c.place == 0)
    return impossible("a replicated device needs a user, a version and a place");
  if (incoming.seq != device_seq(incoming.endpoint)) return impossible("a replicated device has a wrong number");
  const auto row = f.get<endpoint_row>(endpoint_fact);
  if (row && row->place >= c.place) return nothing_happened<event>();  // read before
  const bool known_there = row && row->in_table && row->place >= c.oldest_place;
  if (row && row->row_version == incoming.row_version && known_there) return nothing_happened<event>();  // sent twice

  if (row && contains(row->replaces, incoming.row_version)) {
    // It had been replaced when it came: sent again after a crash, or overtaken on its way. The withdrawal may have
    // come before it, and is said again; but not when the whole table is read anew, for then it lies there, too.
    if (row->in_table && !known_there) return nothing_happened<event>();
    return happened<event>(version_withdrawn{context.self, {{endpoint_hash(incoming.endpoint), incoming.row_version}}});
  }

  device_replicated e;
  e.user = context.self;
  e.replicated = merged(s, c);
  e.place = c.place;
  e.replaces = c.replaces;
  if (e.replaces.size() > replaces_max) e.replaces.resize(replaces_max);
  if (row && row->user != context.self) e.previous_user = row->user;
  // Whoever decided this withdraws its direct predecessor right behind it. Anything else that is replaced was not known
  // there, or its withdrawal came before it.
  const bool withdrawn_behind = row && !c.replaces.empty() && c.replaces.front() == row->row_version;
  if (known_there && !withdrawn_behind) e.withdrawn.push_back({endpoint_hash(incoming.endpoint), row->row_version});
  replace_stalest(s, incoming.seq, replicated_devices_per_user_max, e.replaced, e.withdrawn);
  return happened<event>(std::move(e));
}

decided decide_announce(const state& s, const facts& f, const command_context& context, const announce_device& c) {
  const auto* found = find_device(s, c.seq);
  const auto row = f.get<endpoint_row>(endpoint_fact);
  if (found == nullptr || found->row_version != c.row_version) return nothing_happened<event>();
  if (!row || row->user != context.self || row->row_version != c.row_version) return nothing_happened<event>();
  if (row->in_table && row->place >= c.oldest_place) return nothing_happened<event>();
  device_subscribed e;
  e.user = context.self;
  e.subscribed = *found;
  e.replaces = row->replaces;
  e.place = row->place;
  return happened<event>(std::move(e));
}

}  // namespace social::domain::subscription
