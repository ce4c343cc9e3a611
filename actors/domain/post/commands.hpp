#pragma once

#include <string>
#include <variant>

#include "actors/domain/comment/commands.hpp"
#include "actors/domain/post/state.hpp"

namespace social::domain::post {

/// context.caller writes a post of their own, under a new id in their shard.
struct write {
  std::string contents;
};
/// context.caller likes; a second like changes nothing.
struct like {
  std::uint64_t owner = 0;  ///< the post's owner as the path says
};
/// context.caller comments; the Comment decides about itself, the Post commits both.
struct write_comment {
  std::uint64_t owner = 0;
  std::string contents;
};
/// From the view gatherer: somebody else opened the post `count` times.
struct add_views {
  std::uint64_t count = 0;
};

using command = std::variant<write, like, write_comment, add_views>;

struct post_view {
  std::uint64_t seq = 0;
  std::string contents;
  counts numbers;
  bool likes_of_me = false;
  person writer;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> updated_at;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, contents, numbers, likes_of_me, writer, created_at, updated_at);
  }
};
/// A commented post answers with the comment's own reply.
using reply = std::variant<post_view>;

}  // namespace social::domain::post
