// What the rules of Subscription assert of their events, as answers; for the replay.
#pragma once

#include <vector>

#include "actors/verify/replay.hpp"

namespace social::verify {

std::vector<replayed_kind> push_kinds();

}  // namespace social::verify
