// From public records back to the events that the push role wants. Foreign producers are welcome: see docs/events.md
// for what may be missing.
#pragma once

#include "actors/base/result.hpp"
#include "actors/kafka/record.hpp"
#include "actors/protocol/public_event.hpp"

namespace social::kafka {

/// Code points that are kept of texts from outside; the rest is cut off. Our own stay below.
inline constexpr std::size_t name_code_points_max = 100;
inline constexpr std::size_t contents_code_points_max = 500;
/// Bytes of `ce_id` and of `ce_source`: both become parts of keys.
inline constexpr std::size_t event_name_bytes_max = 256;

/// The topic decides which event it is. Errors are poison: malformed_json, or invalid_input names the fields.
///
/// What a message needs must be there: who is told, who acted by name, what a link or a window is made of. In
/// `comment-created` only `postWriter.seq` (or `postWriterId`) and `commentWriter.name`. What is missing beyond that is
/// 0 or empty. Ids are numbers or decimal text. A record without `ce_id` gets `<topic>/<partition>/<offset>`, without
/// `ce_source` the text `kafka`, without `ce_time` (or with one that is no time) the record's time.
result<protocol::push_event> read_event(const received& from);

}  // namespace social::kafka
