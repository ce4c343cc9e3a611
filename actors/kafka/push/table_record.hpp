// Records of the table of subscriptions (docs/events.md, docs/adr/0013): from the push store's own events, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/result.hpp"
#include "actors/domain/subscription/state.hpp"
#include "actors/kafka/bridge.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

/// What one record says.
struct table_change {
  std::string endpoint_hash;  ///< 32 raw bytes
  std::uint64_t row_version = 0;
  struct device_of_user {
    id_t user = 0;
    domain::subscription::device device;  ///< without what only deliveries tell
    std::vector<std::uint64_t> replaces;
  };
  std::optional<device_of_user> device;  ///< nullopt: a tombstone, this version is gone
};

/// `<endpoint hash, 64 hexadecimal digits>/<version, decimal>`: the part before '/' decides the partition.
std::string table_key(std::string_view endpoint_hash, std::uint64_t row_version);

/// Errors, with a sentence that shows no endpoint: malformed_json, invalid_input. Checked as far as it takes to be safe
/// with it: the topic is ours alone, and who wrote it has judged the subscription.
result<table_change> read_table_record(const record& from);

/// What a subscription event of the push store becomes: the new version first, then a tombstone for each that leaves.
/// What came from the table is not said again. `source`: protocol::event_source of the store, for people who look.
/// Events of the first schema version do not know which versions they replaced: they become nothing, and what they left
/// is announced (table_audit.hpp).
publish_function publish_subscriptions(std::string source);

}  // namespace social::kafka
