#include "actors/runtime/directory.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cxxabi.h>

namespace social::runtime {

std::int64_t monotonic_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
std::int64_t monotonic_us() noexcept {
  return monotonic_ns() / 1000;
}

std::string message_name(const std::type_info& type) {
  int status = 0;
  char* demangled = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string name = status == 0 && demangled != nullptr ? demangled : type.name();
  std::free(demangled);  // NOLINT(cppcoreguidelines-no-malloc): the ABI hands out malloc'ed text
  const auto template_start = name.find('<');
  const auto colons = name.rfind("::", template_start);
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

namespace {

actor_numbers info_of(const actor_stats& s) {
  const auto now = monotonic_us();
  actor_numbers info;
  info.kind = s.kind;
  info.id = s.id;
  info.shard = s.shard;
  info.mailbox_depth = static_cast<std::uint64_t>(std::max<std::int64_t>(0, s.mailbox_depth.load()));
  info.messages_handled = s.messages_handled.load();
  info.failures = s.failures.load();
  info.busy_us = s.busy_us.load();
  info.p50_us = s.handling.quantile_us(0.50);
  info.p99_us = s.handling.quantile_us(0.99);
  if (const auto* type = s.last_message.load()) info.last_message = message_name(*type);
  info.idle_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now - s.last_active_us.load())) / 1000;
  info.age_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now - s.born_us)) / 1000;
  return info;
}

void add(directory::kind_totals& sums, const actor_stats& s) {
  sums.messages_handled += s.messages_handled.load();
  sums.failures += s.failures.load();
  sums.shed += s.shed.load();
  sums.busy_us += s.busy_us.load();
}

bool before(const actor_numbers& x, const actor_numbers& y, actor_order order) {
  switch (order) {
    case actor_order::mailbox:
      if (x.mailbox_depth != y.mailbox_depth) return x.mailbox_depth > y.mailbox_depth;
      break;
    case actor_order::busy:
      if (x.busy_us != y.busy_us) return x.busy_us > y.busy_us;
      break;
    case actor_order::age:
      if (x.age_ms != y.age_ms) return x.age_ms > y.age_ms;
      break;
    case actor_order::id:
      break;
  }
  return x.kind != y.kind ? x.kind < y.kind : x.id < y.id;
}

}  // namespace

void directory::enter(const std::shared_ptr<actor_stats>& stats, caf::weak_actor_ptr self) {
  auto& s = stripes_[stats->id % stripes];
  const std::lock_guard lock(s.mutex);
  auto& place = s.kinds[stats->kind][stats->id];
  // The next incarnation may come before the last one has left: what that one did must not get lost.
  if (place.stats) add(s.departed[stats->kind], *place.stats);
  place = entry{stats, std::move(self)};
}

void directory::leave(const actor_stats& stats) {
  auto& s = stripes_[stats.id % stripes];
  const std::lock_guard lock(s.mutex);
  auto& kind = s.kinds[stats.kind];
  const auto it = kind.find(stats.id);
  if (it == kind.end() || it->second.stats.get() != &stats) return;
  add(s.departed[stats.kind], stats);
  kind.erase(it);
}

void directory::rename(actor_stats& stats, id_t id) {
  auto& from = stripes_[stats.id % stripes];
  auto& to = stripes_[id % stripes];
  std::unique_lock first(from.mutex, std::defer_lock);
  std::unique_lock second(to.mutex, std::defer_lock);
  if (&from == &to)
    first.lock();
  else
    std::lock(first, second);
  auto& kind = from.kinds[stats.kind];
  const auto it = kind.find(stats.id);
  const bool listed = it != kind.end() && it->second.stats.get() == &stats;
  if (listed) add(from.departed[stats.kind], stats);
  // The one number that its senders count; what comes in between is the next one's.
  if (const auto shed = stats.shed.load(); shed != 0) stats.shed.fetch_sub(shed);
  stats.id = id;
  stats.born_us = monotonic_us();
  stats.messages_handled = 0;
  stats.failures = 0;
  stats.busy_us = 0;
  stats.handling.clear();
  if (!listed) return;  // its next incarnation took the place, and the numbers
  auto moved = kind.extract(it);
  moved.key() = id;
  auto& there = to.kinds[stats.kind];
  auto placed = there.insert(std::move(moved));
  if (placed.inserted) return;
  add(to.departed[stats.kind], *placed.position->second.stats);
  placed.position->second = std::move(placed.node.mapped());
}

std::vector<actor_numbers> directory::list(const actor_filter& filter) const {
  std::vector<actor_numbers> all;
  for (const auto& s : stripes_) {
    const std::lock_guard lock(s.mutex);
    for (const auto& [kind, actors] : s.kinds) {
      if (!filter.kind.empty() && filter.kind != kind) continue;
      for (const auto& [id, e] : actors)
        if (!filter.shard || *filter.shard == e.stats->shard) all.push_back(info_of(*e.stats));
    }
  }
  const auto count = std::min(filter.limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                    [&](const auto& x, const auto& y) { return before(x, y, filter.order); });
  all.resize(count);
  return all;
}

directory::found directory::find(const std::string& kind, id_t id) const {
  const auto& s = stripes_[id % stripes];
  const std::lock_guard lock(s.mutex);
  const auto k = s.kinds.find(kind);
  if (k == s.kinds.end()) return {};
  const auto it = k->second.find(id);
  if (it == k->second.end()) return {};
  return {info_of(*it->second.stats), caf::actor_cast<caf::actor>(it->second.self)};
}

std::unordered_map<std::string, directory::kind_totals> directory::totals() const {
  std::unordered_map<std::string, kind_totals> sums;
  for (const auto& s : stripes_) {
    const std::lock_guard lock(s.mutex);
    for (const auto& [kind, gone] : s.departed) {
      auto& sum = sums[kind];
      sum.messages_handled += gone.messages_handled;
      sum.failures += gone.failures;
      sum.shed += gone.shed;
      sum.busy_us += gone.busy_us;
    }
    for (const auto& [kind, actors] : s.kinds) {
      auto& sum = sums[kind];
      for (const auto& [id, e] : actors) {
        ++sum.actors;
        sum.mailbox_depth += static_cast<std::uint64_t>(std::max<std::int64_t>(0, e.stats->mailbox_depth.load()));
        add(sum, *e.stats);
      }
    }
  }
  return sums;
}

}  // namespace social::runtime
