// The real clock and the real randomness behind the ports.
#pragma once

#include "actors/ports/clock.hpp"

namespace social::compose {

class system_clock final : public ports::clock {
 public:
  timestamp_t now() const override;
  std::int64_t monotonic_us() const override;
};

/// OpenSSL's generator; throws std::runtime_error when the system gives no randomness, which nothing can go on without.
class system_random final : public ports::random_source {
 public:
  std::uint64_t next_64() override;
};

}  // namespace social::compose
