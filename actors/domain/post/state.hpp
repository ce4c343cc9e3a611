// Post: the consistency boundary of a post, its comments and its likes.
#pragma once

#include <optional>
#include <string>

#include "actors/domain/row.hpp"

namespace social::domain::post {

/// Absolute values, in a row of their own: a like does not rewrite the text.
struct counts {
  std::uint64_t likes = 0;
  std::uint64_t comments = 0;
  std::uint64_t views = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(likes, comments, views);
  }
  friend bool operator==(const counts&, const counts&) = default;
};

struct state {
  std::uint64_t seq = 0;
  person writer;  ///< the owner, as of the last renewal
  std::string contents;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> updated_at;
  counts numbers;  ///< not among the fields: kept in the counts row

  [[nodiscard]] bool exists() const { return seq != 0; }
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, writer, contents, created_at, updated_at);
  }
};

struct like_row {
  person who;
  std::int64_t at = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(who, at);
  }
};

}  // namespace social::domain::post
