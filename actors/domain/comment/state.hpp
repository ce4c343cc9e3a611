// Comment: what somebody said under a post.
#pragma once

#include <optional>
#include <string>

#include "actors/domain/row.hpp"

namespace social::domain::comment {

/// What is public of the post's writer besides the person: the rest of UserDto in docs/events.md.
struct account_history {
  std::uint64_t login_count = 0;
  std::optional<std::int64_t> last_login_at;
  std::int64_t created_at = 0;
  template <class V>
  void fields(V& v) {
    v(login_count, last_login_at, created_at);
  }
  friend bool operator==(const account_history&, const account_history&) = default;
};

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
