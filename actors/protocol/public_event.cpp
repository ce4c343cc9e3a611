#include "actors/protocol/public_event.hpp"

#include <array>

namespace social::protocol {

std::string_view push_event::type() const {
  static constexpr std::array<std::string_view, 5> names = {"user-joined", "post-liked", "comment-created",
                                                            "connection-requested", "connection-granted"};
  static_assert(names.size() == std::variant_size_v<push_event_body>);
  return names[body.index()];
}

std::string event_source(std::string_view store_id) {
  return "/social-server/" + std::string(store_id);
}

}  // namespace social::protocol
