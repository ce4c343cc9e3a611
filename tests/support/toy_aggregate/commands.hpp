#pragma once

#include <string>
#include <variant>

#include "tests/support/toy_aggregate/state.hpp"

namespace social::domain::toy {

/// Where a rule throws, as a defect would.
enum class place : std::uint8_t { lookups, decide, answer };

struct open {
  std::string name;  ///< unique in its shard while it is being decided; empty: need not be
};
struct add {
  std::uint64_t count = 0;
};
/// Adds the label if no such row is there.
struct label {
  std::string text;
};
struct peek {};
struct refuse {};
struct fail {
  place where = place::decide;
};
/// Opens a part under a new id; `failing`: the part throws; `refused`: the part refuses.
struct add_part {
  bool refused = false;
  bool failing = false;
};
/// Lets an existing part add: a command that parent and part decide together.
struct add_to_part {
  std::uint64_t part = 0;
  std::uint64_t count = 0;
  bool failing = false;
};
/// Lets an existing part add the label.
struct label_part {
  std::uint64_t part = 0;
  std::string text;
};

using command = std::variant<open, add, label, peek, refuse, fail, add_part, add_to_part, label_part>;

struct view {
  std::uint64_t seq = 0;
  std::uint64_t total = 0;
  std::uint64_t labels = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, total, labels);
  }
};
using reply = std::variant<view>;

}  // namespace social::domain::toy
