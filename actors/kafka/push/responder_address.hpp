// Where the reply to a request goes. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/kafka/record.hpp"

namespace social::kafka {

/// What the headers of a request say about its reply. Of duplicate headers the last counts; one without a value counts
/// as absent.
struct reply_address {
  std::string topic;                       ///< empty: no reply is wanted
  std::int32_t partition = -1;             ///< -1: by the key
  std::optional<std::string> correlation;  ///< bytes of any length; nullopt: none, and the reply carries none
};

/// A reply partition that is not a 4-byte big-endian number from 0 on is taken as none: the reply goes where its key
/// leads, and whoever reads all partitions finds it.
reply_address read_reply_address(const record& request);

/// Whoever asks names the topic, so it must be one where a stray record harms nobody: a legal name; none of Kafka's own
/// (`__...`); none of the contract's (topics_of_the_contract) but for those of replies; no dead letter topic.
bool may_reply_to(std::string_view topic);

/// `traceparent` of the request, when it looks like one (W3C Trace Context, version 00); else empty.
std::string read_trace(const record& request);

}  // namespace social::kafka
