// The JSON that a service worker reads, and the names under which a push service knows a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"

namespace social::push {

struct payload_fields {
  std::string_view title;
  std::string_view body;
  std::string_view click_target;
  std::string_view tag;
  std::string_view lang;
  std::string_view public_url;  ///< before `click_target` in the declarative form, which wants a whole URL
  std::string_view event_id;
  std::string_view event_type;
  timestamp_t created_at = 0;
};

/// At most `bytes_max` bytes of valid JSON: what is too long is shortened on a character boundary (ids and titles
/// beyond any sense first, then the body, then the title); no member is left out.
std::string make_payload(payload_fields fields, std::size_t bytes_max);

/// RFC 8030 section 5.4: 32 characters of base64url. A second copy of the same event replaces the first.
std::string topic_of_event(std::string_view source, std::string_view event_id);
/// What was gathered under a tag replaces what was gathered before.
std::string topic_of_tag(std::string_view tag);

}  // namespace social::push
