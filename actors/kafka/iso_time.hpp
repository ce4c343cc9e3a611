// Times as text in what others send.
#pragma once

#include <optional>
#include <string_view>

#include "actors/base/ids.hpp"

namespace social::kafka {

/// Milliseconds since the epoch of an RFC 3339 time (`2026-11-23T16:00:09.123Z`, `2026-11-24T01:00:09+09:00`), whose
/// fraction may have any number of digits and is cut; nullopt: it is none, or before 1970.
std::optional<timestamp_t> parse_time(std::string_view text) noexcept;

}  // namespace social::kafka
