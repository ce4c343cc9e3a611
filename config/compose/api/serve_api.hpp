// Serving the api role alone: with a push role behind Kafka, or with none (push.off).
#pragma once

#include "config/compose/common/service.hpp"

namespace social::compose {

/// Blocks until the process is told to stop, and stops it in order. Called first in main(), before any other thread
/// (config::stop_control). `overrides`: for test executables.
config::exit_code serve_api(const config::invocation& invocation, host_overrides overrides = {});

}  // namespace social::compose
