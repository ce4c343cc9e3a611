// From public records back to the events that the push role wants. Foreign producers are welcome: see docs/events.md
// for what may be missing.
#pragma once

#include "actors/base/result.hpp"
#include "actors/kafka/record.hpp"
#include "actors/protocol/public_event.hpp"

namespace social::kafka {

/// Errors are poison: malformed_json, or invalid_input names the fields. A record without `ce_id` gets
/// `<topic>/<partition>/<offset>`, without `ce_source` the text `kafka`, without `ce_time` the record's time.
result<protocol::push_event> read_event(const received& from);

}  // namespace social::kafka
