// Time and randomness as arguments: shells get them from here, rules get the values.
#pragma once

#include <cstdint>

#include "actors/base/ids.hpp"

namespace social::ports {

class clock {
 public:
  virtual ~clock() = default;
  /// Wall clock, milliseconds since the epoch, UTC.
  virtual timestamp_t now() const = 0;
  /// Monotonic, microseconds since an arbitrary start.
  virtual std::int64_t monotonic_us() const = 0;
};

class random_source {
 public:
  virtual ~random_source() = default;
  /// Cryptographically strong. Thread-safe.
  virtual std::uint64_t next_64() = 0;
};

}  // namespace social::ports
