#include "config/compose/common/system_ports.hpp"

#include <chrono>

#include "actors/base/random.hpp"

namespace social::compose {

timestamp_t system_clock::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t system_clock::monotonic_us() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::uint64_t system_random::next_64() {
  return random_64_bits();
}

}  // namespace social::compose
