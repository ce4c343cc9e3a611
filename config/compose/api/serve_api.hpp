// Serving the api role alone.
#pragma once

#include "config/invocation.hpp"
#include "config/process.hpp"

namespace social::compose {

config::exit_code serve_api(const config::invocation& invocation);

}  // namespace social::compose
