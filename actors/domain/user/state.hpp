// User: a member, and the granter of connections to him or her.
#pragma once

#include <optional>
#include <string>

#include "actors/domain/row.hpp"

namespace social::domain::user {

struct state {
  std::uint64_t seq = 0;
  std::string name;
  std::string email;             ///< as typed; compared in lower case
  std::string password_hash;     ///< Argon2id, PHC text
  std::uint64_t generation = 0;  ///< tokens of another generation are void; starts at a random number
  std::optional<std::string> profile_image_url;
  std::uint64_t login_count = 0;
  std::optional<std::int64_t> last_login_at;
  std::int64_t created_at = 0;

  [[nodiscard]] bool exists() const { return seq != 0; }
  [[nodiscard]] person as_person() const { return {seq, name, email, profile_image_url}; }
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, name, email, password_hash, generation, profile_image_url, login_count, last_login_at, created_at);
  }
};

struct email_row {
  std::uint64_t user = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user);
  }
};

struct generation_row {
  std::uint64_t generation = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(generation);
  }
};

enum class connection_state : std::uint8_t { none = 0, requested = 1, granted = 2 };

/// (owner, caller): may this caller read what the owner writes?
struct connection_row {
  connection_state state = connection_state::none;
  person caller;
  std::int64_t requested_at = 0;
  std::optional<std::int64_t> granted_at;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(state, caller, requested_at, granted_at);
  }
};

}  // namespace social::domain::user
