#pragma once

#include <string>

#include "actors/verify/store_view.hpp"

namespace social::compose {

/// The push store against its rules; what was seen, for people. `api_log`: see verifiers::push.
std::string verify_push(const verify::store_view& store, const ports::journal* api_log);

}  // namespace social::compose
