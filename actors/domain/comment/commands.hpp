#pragma once

#include <string>
#include <variant>

#include "actors/domain/comment/state.hpp"

namespace social::domain::comment {

/// From the Post, which has checked access and found the writer of the comment and the account of its own writer.
struct create {
  std::uint64_t post = 0;
  person post_writer;
  account_history post_writer_history;
  person writer;
  std::string contents;
};

using command = std::variant<create>;

struct comment_view {
  std::uint64_t seq = 0;
  std::string contents;
  person writer;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> updated_at;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, contents, writer, created_at, updated_at);
  }
};
using reply = std::variant<comment_view>;

}  // namespace social::domain::comment
