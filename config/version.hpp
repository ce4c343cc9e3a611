// What `version` prints; project(VERSION) in CMakeLists.txt says the same.
#pragma once

#include <string_view>

namespace social::config {

inline constexpr std::string_view version = "0.1.0";

}  // namespace social::config
