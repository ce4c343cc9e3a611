// The table of docs/events.md: which topic, key and JSON value an event of the journal has. Nothing else of an event
// becomes public.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/base/result.hpp"
#include "actors/domain/aggregate.hpp"

namespace social::kafka {

struct event_place {
  std::string_view topic;  ///< lives for ever
  id_t key = 0;            ///< whose events stay in order: the user, the owner, or who is notified
};

/// Where an event goes; its value is written over `json`, fields in the order of docs/events.md. nullopt: the event has
/// no topic. Errors: corrupt_record.
result<std::optional<event_place>> write_event(const domain::encoded_event& event, std::string& json);

}  // namespace social::kafka
