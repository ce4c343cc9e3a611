// From the journal's private events to what the push role (and later Kafka) may see: a pure function, fixed at commit
// because the journal's record is.
#pragma once

#include <string>
#include <vector>

#include "actors/ports/store.hpp"
#include "actors/protocol/public_event.hpp"

namespace social::events {

/// Appends what of this record is meant for the push role. Errors: corrupt_record names shard and sequence.
result<void> project_for_push(const ports::journal_record& record, const std::string& source,
                              std::vector<protocol::push_event>& out);

}  // namespace social::events
