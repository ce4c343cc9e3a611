#pragma once

#include <string_view>
#include <variant>

#include "actors/domain/user/state.hpp"

namespace social::domain::user {

struct user_joined {
  state account;  ///< complete and private, the password hash included
  static constexpr std::uint16_t type = 1;
  static constexpr std::string_view name = "user-joined";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(account);
  }
};
struct signed_in {
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 2;
  static constexpr std::string_view name = "signed-in";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(at);
  }
};
struct connection_requested {
  std::uint64_t owner = 0;
  person caller;
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 3;
  static constexpr std::string_view name = "connection-requested";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(owner, caller, at);
  }
};
struct connection_granted {
  person owner;
  person caller;
  std::int64_t requested_at = 0;
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 4;
  static constexpr std::string_view name = "connection-granted";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(owner, caller, requested_at, at);
  }
};

using event = std::variant<user_joined, signed_in, connection_requested, connection_granted>;

}  // namespace social::domain::user
