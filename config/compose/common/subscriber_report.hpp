// How a durable subscriber looks from outside: JSON of GET /admin/subscribers, readiness, Prometheus.
#pragma once

#include <string>

#include "actors/events/subscriber.hpp"
#include "config/compose/common/host.hpp"

namespace social::compose {

/// `{name, lag, handled, failures, skipped, ahead, unreadable, lastFailure?, cursors}`
std::string to_json(const events::subscriber_status& status);
/// At worst degraded: a reader of the journal holds up nobody but itself.
protocol::readiness_check check_subscriber(const events::subscriber_status& status);
/// Tells the host's inspector. `subscriber` outlives the admin listener.
void tell_about(host& on, const events::subscriber& subscriber);

}  // namespace social::compose
