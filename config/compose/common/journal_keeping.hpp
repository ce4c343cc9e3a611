// Keeps one store's journal as long as `journal.retention` says and as its readers need, and shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/events/retention.hpp"
#include "config/compose/common/host.hpp"

namespace social::compose {

/// `{store, retentionMillis, events, bytes, oldestMillis, trimmed, rounds, failures, lastFailure?, readers:[{name,
/// unread, oldestMillis, holdsTooLong, failure?}]}`
std::string to_json(const events::retention_status& status, std::uint64_t bytes);
/// At worst degraded. `bytes_max`: the journal should not be larger.
protocol::readiness_check check_journal(const events::retention_status& status, std::uint64_t bytes,
                                        std::uint64_t bytes_max);
void collect_journal(const events::retention_status& status, std::uint64_t bytes, inspect::metric_sink& sink);

/// Owned by its role, until the admin listener has stopped. Starts a thread, which `stop` ends.
class journal_keeping {
 public:
  /// `name`: of the store. `store` outlives it, and the stores of `readers` outlive `stop`.
  journal_keeping(host& on, const std::string& name, opened_store& store, std::vector<events::journal_holder> readers);

  /// Before a store that it reads is closed.
  void stop() { keeper_.stop(); }

 private:
  events::journal_keeper keeper_;
};

}  // namespace social::compose
