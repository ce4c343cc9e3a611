#pragma once

#include <string_view>
#include <variant>

#include "actors/domain/post/state.hpp"

namespace social::domain::post {

struct post_created {
  state post;
  static constexpr std::uint16_t type = 1;
  static constexpr std::string_view name = "post-created";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(post);
  }
};
struct post_liked {
  std::uint64_t post = 0;
  std::uint64_t owner = 0;
  person who;
  std::string excerpt;  ///< first 120 characters of the post
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 2;
  static constexpr std::string_view name = "post-liked";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(post, owner, who, excerpt, at);
  }
};
/// The Post's half of a new comment: its count and its list. The comment's own event stands beside it.
struct comment_added {
  std::uint64_t post = 0;
  std::uint64_t comment = 0;
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 3;
  static constexpr std::string_view name = "comment-added";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(post, comment, at);
  }
};
struct post_viewed {
  std::uint64_t post = 0;
  std::uint64_t owner = 0;
  std::uint64_t count = 0;
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 4;
  static constexpr std::string_view name = "post-viewed";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(post, owner, count, at);
  }
};

using event = std::variant<post_created, post_liked, comment_added, post_viewed>;

}  // namespace social::domain::post
