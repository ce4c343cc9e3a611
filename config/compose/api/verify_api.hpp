#pragma once

#include <string>

#include "actors/verify/store_view.hpp"

namespace social::compose {

/// The api store against its rules; what was seen, for people.
std::string verify_api(const verify::store_view& store);

}  // namespace social::compose
