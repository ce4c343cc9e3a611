// Gathering: the first message of its kind goes at once, those within the window after it go as one at its end.
#pragma once

#include "actors/push/rows.hpp"

namespace social::push {

/// A window that has just been opened by a message that went at once.
gather_row opened_window(std::uint64_t named, timestamp_t now, std::int64_t interval_ms);

/// Somebody more waits. A person counts once: who opened the window, or waits already, changes nothing but who is
/// named. False: nothing changed, that person has been told of.
bool join_window(gather_row& window, const protocol::push_event& event, std::uint64_t who, std::size_t people_max);

/// People besides the one who is named, the last. Programmer error when nobody waits.
std::uint64_t others_waiting(const gather_row& window);

}  // namespace social::push
