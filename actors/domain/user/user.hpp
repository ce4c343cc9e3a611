// The User aggregate: who is a member, and who may read what a member writes.
#pragma once

#include "actors/domain/aggregate.hpp"
#include "actors/domain/user/commands.hpp"
#include "actors/domain/user/events.hpp"

namespace social::domain {

struct user_aggregate {
  static constexpr aggregate_kind kind = aggregate_kind::user;
  static constexpr std::string_view name = "user";
  using state = user::state;
  using command = user::command;
  using event = user::event;
  using reply = user::reply;

  static bool needs_id(const command& c) { return std::holds_alternative<user::join>(c); }
  /// The lower-cased e-mail of a join: two joins with one e-mail are decided one after the other.
  static std::string unique_key(const command& c);
  static void lookups(const command& c, const command_context& context, std::vector<row_key>& keys);
  static result<decision<event>> decide(const state& s, const facts& f, const command_context& context,
                                        const command& c);
  static void apply(state& s, const event& e);
  static void project(const event& e, const state& after, row_sink& sink);
  static reply answer(const state& after, const facts& f, const command_context& context, const command& c);
  static std::string redacted(const state& s);
};

namespace user {
/// One entry for each violated field, under its wire name: `name` (1-10 characters after NFC and trimming, no control
/// or bidi characters), `principal` (the e-mail: 4-50 characters and `is_email`), `credentials` (the password: 4-128
/// characters).
std::vector<field_error> validate_join(std::string_view name, std::string_view email, std::string_view password);
/// Matches `[\w~\-.+]+@[\w~\-]+(\.[\w~\-]+)+`, of any length.
bool is_email(std::string_view text) noexcept;
}  // namespace user

}  // namespace social::domain
