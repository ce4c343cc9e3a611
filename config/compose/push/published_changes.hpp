// A change of a device is answered when every push process can know it.
#pragma once

#include <functional>

#include "actors/kafka/push/responder.hpp"

namespace social::compose {

/// `when_published(user, done)`: see subscription_table::when_published.
using when_published_function = std::function<void(id_t user, std::function<void(result<void>)> done)>;

/// The push role's `service`, but that what it has changed is told once it is in the table of subscriptions. A change
/// that is made, and of which that cannot be said, ends as outcome_unknown (or shutting_down, which is nobody's
/// answer): anything else would say that nothing was done. `push_key` is left as it is.
kafka::push_service told_when_published(kafka::push_service service, when_published_function when_published);

}  // namespace social::compose
