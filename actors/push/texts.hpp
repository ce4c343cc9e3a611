// What a person reads. The table of docs/push.md, as functions without any state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/protocol/public_event.hpp"

namespace social::push {

/// RFC 8030 section 5.3. Numbers are frozen: they are in delivery rows.
enum class urgency : std::uint8_t { very_low = 1, low = 2, normal = 3, high = 4 };
std::string_view to_string(urgency value) noexcept;

struct message_texts {
  std::string title;
  std::string body;          ///< may be empty
  std::string click_target;  ///< path in the web page
  std::string tag;           ///< a newer notification with the same tag replaces the older one on the device
  push::urgency urgency = urgency::normal;
};

/// Characters of a post or comment that a notification shows.
inline constexpr std::size_t excerpt_code_points = 120;

/// `locale`: "ko", anything else is English. `others`: how many people besides the named one (only likes and joins
/// gather; ignored otherwise).
message_texts compose(const protocol::push_event_body& body, std::string_view locale, std::uint64_t others = 0);

/// The text of the console line, Korean whatever the device speaks. Control characters become spaces: a post may hold
/// line breaks, the line may not.
std::string compose_console(const protocol::push_event_body& body, std::uint64_t others = 0);

/// `${endpoint} -> "${text}" 푸쉬발송` and a line feed.
std::string console_line(std::string_view endpoint, std::string_view text);

}  // namespace social::push
