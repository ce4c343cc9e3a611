// What the rules of User, Post and Comment assert of their events, as answers; for the replay.
#pragma once

#include <vector>

#include "actors/verify/replay.hpp"

namespace social::verify {

std::vector<replayed_kind> api_kinds();

}  // namespace social::verify
