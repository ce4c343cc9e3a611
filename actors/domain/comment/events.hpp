#pragma once

#include <string_view>
#include <variant>

#include "actors/domain/comment/state.hpp"

namespace social::domain::comment {

/// Holds the post's writer as of this moment, because what Kafka gets is fixed at commit.
struct comment_created {
  state comment;
  person post_writer;
  /// Absent in records of version 1, where `post_writer` is as of the post's creation.
  std::optional<account_history> post_writer_history;
  static constexpr std::uint16_t type = 1;
  static constexpr std::string_view name = "comment-created";
  static constexpr std::uint8_t version = 2;
  template <class V>
  void fields(V& v) {
    v(comment, post_writer, post_writer_history);
  }
};

using event = std::variant<comment_created>;

}  // namespace social::domain::comment
