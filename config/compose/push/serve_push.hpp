// Serving the push role alone, fed by Kafka.
#pragma once

#include "config/compose/common/service.hpp"

namespace social::compose {

/// Blocks until the process is told to stop, and stops it in order. Called first in main(), before any other thread
/// (config::stop_control). `overrides`: for test executables.
config::exit_code serve_push(const config::invocation& invocation, host_overrides overrides = {});

}  // namespace social::compose
