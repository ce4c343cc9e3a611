#pragma once

#include <string>
#include <variant>

#include "actors/domain/user/state.hpp"

namespace social::domain::user {

/// Becomes a member. Decided in the shard of the e-mail, under a new id.
struct join {
  std::string name;  ///< raw; normalised by the rule
  std::string email;
  std::string password_hash;     ///< made by the caller; the password itself never gets here
  std::uint64_t generation = 0;  ///< random, from the caller
};
/// A password was verified against `verified_hash`; counts only if that is still the hash.
struct record_sign_in {
  std::string verified_hash;
};
/// `caller` asks this user (the owner) for a connection.
struct request_connection {
  person caller;
};
/// This user (the owner, context.caller) grants what `caller` asked.
struct grant_connection {
  std::uint64_t caller = 0;
};

using command = std::variant<join, record_sign_in, request_connection, grant_connection>;

struct account_view {
  std::uint64_t seq = 0;
  std::string name;
  std::string email;
  std::optional<std::string> profile_image_url;
  std::uint64_t login_count = 0;
  std::optional<std::int64_t> last_login_at;
  std::int64_t created_at = 0;
  std::uint64_t generation = 0;  ///< for tokens; never shown, and not stored with the reply
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, name, email, profile_image_url, login_count, last_login_at, created_at);
  }
};
struct connection_view {
  std::uint64_t user_id = 0;    ///< who asked
  std::uint64_t target_id = 0;  ///< who grants
  connection_state state = connection_state::none;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user_id, target_id, state);
  }
};
using reply = std::variant<account_view, connection_view>;

}  // namespace social::domain::user
