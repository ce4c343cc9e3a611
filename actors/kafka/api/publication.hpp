// From the journal's private events to the public records of docs/events.md. Golden files hold each byte for byte.
//
// `ce_id` is `<shard>-<sequence>`, the same each time the event is published. `ce_subject` is the id of what the event
// happened to: the post, the comment, the user; of a connection the user who grants it. An event that cannot be read is
// an error; the others of its journal record are published all the same.
#pragma once

#include <string>

#include "actors/kafka/bridge.hpp"
#include "actors/kafka/codec.hpp"

namespace social::kafka {

/// `source`: what `ce_source` says (protocol::event_source). Events without a topic in docs/events.md become nothing.
/// What it makes goes into one list of publications, which no other such function fills.
publish_function publish_domain_events(std::string source, topic_formats formats);

}  // namespace social::kafka
