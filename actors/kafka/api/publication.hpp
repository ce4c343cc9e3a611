// From the journal's private events to the public records of docs/events.md. Golden files hold each byte for byte.
#pragma once

#include <string>

#include "actors/kafka/bridge.hpp"
#include "actors/kafka/codec.hpp"

namespace social::kafka {

/// `source`: what `ce_source` says (protocol::event_source). Events without a topic in docs/events.md become nothing.
publish_function publish_domain_events(std::string source, topic_formats formats);

}  // namespace social::kafka
