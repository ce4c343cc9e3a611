#include "http/gateway/ask_table.hpp"

#include <algorithm>
#include <vector>

namespace social::http {
namespace {
/// Answered asks that may lie behind an open one before they are cleared away.
constexpr std::size_t answered_max = 4'096;
}  // namespace

bool ask_table::keep(std::shared_ptr<open_ask> ask) {
  if (open_.fetch_add(1, std::memory_order_relaxed) >= options_.asks_max) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  const auto wait_ms = ask->otherwise.deadline_ms > 0 ? ask->otherwise.deadline_ms : options_.ask_deadline_ms;
  const auto deadline = runtime::monotonic_us() + wait_ms * 1000;
  const std::lock_guard lock(mutex_);
  // Before the few that may wait longer.
  auto place = deadlines_.end();
  if (!deadlines_.empty() && deadlines_.back().first > deadline)
    place = std::ranges::upper_bound(deadlines_, deadline, {}, [](const auto& entry) { return entry.first; });
  deadlines_.emplace(place, deadline, std::move(ask));
  return true;
}

bool ask_table::take(open_ask& ask) noexcept {
  if (ask.taken.exchange(true)) return false;
  open_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

void ask_table::count_late() {
  node_.dead_letters.add({node_.now(), "late_reply", "gateway/" + std::to_string(io_ + 1), "answer"});
}

void ask_table::count_shed() {
  node_.dead_letters.add({node_.now(), "asks_full", "gateway/" + std::to_string(io_ + 1), "ask"});
}

void ask_table::expire(std::int64_t now_us) {
  std::vector<std::shared_ptr<open_ask>> late;
  {
    const std::lock_guard lock(mutex_);
    while (!deadlines_.empty() && (deadlines_.front().second->taken || deadlines_.front().first <= now_us)) {
      late.push_back(std::move(deadlines_.front().second));
      deadlines_.pop_front();
    }
    if (deadlines_.size() > 2 * open() + answered_max)
      std::erase_if(deadlines_, [](const auto& entry) { return entry.second->taken.load(); });
  }
  for (const auto& ask : late)
    if (take(*ask)) ask->refuse(*this, ask->otherwise.late);
}

void ask_table::close() {
  {
    const std::unique_lock nobody_routes(routing_);
    closed_ = true;
  }
  decltype(deadlines_) left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(deadlines_);
  }
  for (const auto& [deadline, ask] : left)
    if (take(*ask)) ask->refuse(*this, ask->otherwise.stopped);
}

}  // namespace social::http
