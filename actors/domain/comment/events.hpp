#pragma once

#include <string_view>
#include <variant>

#include "actors/domain/comment/state.hpp"

namespace social::domain::comment {

struct comment_created {
  state comment;
  person post_writer;
  static constexpr std::uint16_t type = 1;
  static constexpr std::string_view name = "comment-created";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(comment, post_writer);
  }
};

using event = std::variant<comment_created>;

}  // namespace social::domain::comment
