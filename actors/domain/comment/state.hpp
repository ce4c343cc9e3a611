// Comment: what somebody said under a post.
#pragma once

#include <optional>
#include <string>

#include "actors/domain/row.hpp"

namespace social::domain::comment {

struct state {
  std::uint64_t seq = 0;
  std::uint64_t post = 0;
  std::uint64_t owner = 0;  ///< of the post
  person writer;
  std::string contents;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> updated_at;

  [[nodiscard]] bool exists() const { return seq != 0; }
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, post, owner, writer, contents, created_at, updated_at);
  }
};

}  // namespace social::domain::comment
