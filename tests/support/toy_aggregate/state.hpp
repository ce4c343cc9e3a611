// Toy: a fifth aggregate for tests. It adds numbers, refuses, asks for parts of itself and fails on demand.
#pragma once

#include <string>

#include "actors/domain/row.hpp"

namespace social::domain::toy {

struct sums {
  std::uint64_t total = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(total);
  }
  friend bool operator==(const sums&, const sums&) = default;
};

struct state {
  std::uint64_t seq = 0;
  std::uint64_t labels = 0;
  sums numbers;  ///< not among the fields: kept in the counts row

  [[nodiscard]] bool exists() const { return seq != 0; }
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, labels);
  }
};

struct label_row {
  std::int64_t at = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(at);
  }
};

}  // namespace social::domain::toy
