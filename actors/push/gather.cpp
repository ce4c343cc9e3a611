#include "actors/push/gather.hpp"

#include <algorithm>
#include <cassert>

namespace social::push {

gather_row opened_window(std::uint64_t named, timestamp_t now, std::int64_t interval_ms) {
  gather_row window;
  window.window_end = now + interval_ms;
  window.opened_by = named;
  return window;
}

bool join_window(gather_row& window, const protocol::push_event& event, std::uint64_t who, std::size_t people_max) {
  if (who == window.opened_by) return false;
  if (std::ranges::find(window.people, who) == window.people.end()) {
    if (window.people.size() < people_max)
      window.people.push_back(who);
    else
      ++window.more;
  }
  window.last = encode_record(to_record(event));
  return true;
}

std::uint64_t others_waiting(const gather_row& window) {
  assert(!window.people.empty());
  return window.people.size() + window.more - 1;
}

}  // namespace social::push
