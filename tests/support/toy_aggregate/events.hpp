#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "tests/support/toy_aggregate/state.hpp"

namespace social::domain::toy {

struct opened {
  std::uint64_t seq = 0;
  static constexpr std::uint16_t type = 1;
  static constexpr std::string_view name = "toy-opened";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq);
  }
};
struct added {
  std::uint64_t count = 0;
  static constexpr std::uint16_t type = 2;
  static constexpr std::string_view name = "toy-added";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(count);
  }
};
struct labelled {
  std::uint64_t seq = 0;
  std::string text;
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 3;
  static constexpr std::string_view name = "toy-labelled";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, text, at);
  }
};

using event = std::variant<opened, added, labelled>;

}  // namespace social::domain::toy
