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
  // Whoever becomes another at this very moment may have counted what it did before already.
  const auto since = [](const auto& number, const auto& former) {
    const auto before = former.load();
    return std::max(number.load(), before) - before;
  };
  info.messages_handled = since(s.messages_handled, s.former.messages_handled);
  info.failures = since(s.failures, s.former.failures);
  info.busy_us = since(s.busy_us, s.former.busy_us);
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

directory::stripe& directory::stripe_of(const actor_stats& stats) {
  // Addresses of such a size differ in these bits.
  static_assert(sizeof(actor_stats) >= 256);
  return stripes_[reinterpret_cast<std::uintptr_t>(&stats) / 256 % stripes];
}

void directory::enter(const std::shared_ptr<actor_stats>& stats, caf::weak_actor_ptr self) {
  auto& s = stripe_of(*stats);
  const std::lock_guard lock(s.mutex);
  s.kinds[stats->kind].try_emplace(stats.get(), entry{stats, std::move(self)});
}

void directory::leave(const actor_stats& stats) {
  auto& s = stripe_of(stats);
  const std::lock_guard lock(s.mutex);
  auto& kind = s.kinds[stats.kind];
  const auto it = kind.find(&stats);
  if (it == kind.end()) return;
  add(s.departed[stats.kind], stats);
  kind.erase(it);
}

std::vector<actor_numbers> directory::list(const actor_filter& filter) const {
  std::vector<actor_numbers> all;
  for (const auto& s : stripes_) {
    const std::lock_guard lock(s.mutex);
    for (const auto& [kind, actors] : s.kinds) {
      if (!filter.kind.empty() && filter.kind != kind) continue;
      for (const auto& [address, e] : actors)
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
  entry youngest;
  for (const auto& s : stripes_) {
    const std::lock_guard lock(s.mutex);
    const auto k = s.kinds.find(kind);
    if (k == s.kinds.end()) continue;
    for (const auto& [address, e] : k->second)
      if (e.stats->id == id && (!youngest.stats || youngest.stats->born_us <= e.stats->born_us)) youngest = e;
  }
  if (!youngest.stats) return {};
  return {info_of(*youngest.stats), caf::actor_cast<caf::actor>(youngest.self)};
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
      for (const auto& [address, e] : actors) {
        ++sum.actors;
        sum.mailbox_depth += static_cast<std::uint64_t>(std::max<std::int64_t>(0, e.stats->mailbox_depth.load()));
        add(sum, *e.stats);
      }
    }
  }
  return sums;
}

}  // namespace social::runtime
