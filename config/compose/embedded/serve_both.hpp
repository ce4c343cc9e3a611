// Serving both roles in one process. Without brokers, domain events reach the push role as actor messages, from a
// durable subscriber of the api's journal whose cursors lie in the push store. With brokers the roles know each other
// only through Kafka, as two processes would.
#pragma once

#include "config/compose/common/service.hpp"

namespace social::compose {

/// Blocks until the process is told to stop, and stops it in order. Called first in main(), before any other thread
/// (config::stop_control). `overrides`: for test executables.
config::exit_code serve_both(const config::invocation& invocation, host_overrides overrides = {});

}  // namespace social::compose
