#include <algorithm>

#include "actors/base/overloaded.hpp"
#include "actors/base/text.hpp"
#include "actors/domain/outcome.hpp"
#include "actors/domain/user/user.hpp"

namespace social::domain {
namespace {

using namespace user;
using outcome = result<decision<event>>;

constexpr std::size_t name_code_points_max = 10;
constexpr std::size_t email_characters_min = 4;
constexpr std::size_t email_characters_max = 50;
constexpr std::size_t password_code_points_min = 4;
constexpr std::size_t password_code_points_max = 128;

/// `[\w~\-]` of the e-mail pattern; `\w` means ASCII there.
constexpr bool is_label_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '~' || c == '-';
}
constexpr bool is_local_character(char c) noexcept {
  return is_label_character(c) || c == '.' || c == '+';
}

void check_name(std::string_view name, std::vector<field_error>& violations) {
  const auto normalised = nfc_trimmed(name);
  if (!normalised) {
    violations.push_back({"name", "is not valid UTF-8"});
  } else if (normalised->empty() || code_points(*normalised) > name_code_points_max) {
    violations.push_back({"name", "must have 1 to 10 characters"});
  } else if (has_control_or_bidi(*normalised)) {
    violations.push_back({"name", "must not have control or text direction characters"});
  }
}

void check_email(std::string_view email, std::vector<field_error>& violations) {
  if (email.size() < email_characters_min || code_points(email) > email_characters_max) {
    violations.push_back({"principal", "must have 4 to 50 characters"});
  } else if (!is_email(email)) {
    violations.push_back({"principal", "must be an e-mail address"});
  }
}

void check_password(std::string_view password, std::vector<field_error>& violations) {
  const auto characters = code_points(password);
  if (!is_valid_utf8(password) || password.find('\0') != std::string_view::npos) {
    violations.push_back({"credentials", "must be text"});
  } else if (characters < password_code_points_min || characters > password_code_points_max) {
    violations.push_back({"credentials", "must have 4 to 128 characters"});
  }
}

outcome decide_join(const state& s, const facts& f, const command_context& context, const join& c) {
  if (s.exists() || context.self == 0) return impossible("a join needs a new id");
  if (c.password_hash.empty()) return impossible("a join needs a password hash");
  std::vector<field_error> violations;
  check_name(c.name, violations);
  check_email(c.email, violations);
  if (!violations.empty()) return invalid_fields(std::move(violations));
  if (f.get<email_row>(0)) return error_code::email_taken;

  state account;
  account.seq = context.self;
  account.name = *nfc_trimmed(c.name);
  account.email = c.email;
  account.password_hash = c.password_hash;
  account.generation = c.generation;
  account.created_at = context.now;
  return happened<event>(user_joined{std::move(account)});
}

outcome decide_sign_in(const state& s, const command_context& context, const record_sign_in& c) {
  // The hash was read a while ago: a password changed since, or an account that left, must not get a token.
  if (!s.exists() || c.verified_hash != s.password_hash) return error_code::bad_credential;
  return happened<event>(signed_in{context.now});
}

/// A row whose connection has ended counts as none.
connection_state state_of(const std::optional<connection_row>& row) {
  return row ? row->state : connection_state::none;
}

outcome decide_request(const state& s, const facts& f, const command_context& context, const request_connection& c) {
  if (c.caller.seq == 0 || c.caller.seq != context.caller) return impossible("somebody asks for a third person");
  if (c.caller.seq == context.self) return invalid_fields({{"targetId", "is the caller"}});
  if (!s.exists()) return error_code::user_not_found;
  if (state_of(f.get<connection_row>(0)) != connection_state::none) return nothing_happened<event>();
  return happened<event>(connection_requested{s.seq, c.caller, context.now});
}

outcome decide_grant(const state& s, const facts& f, const command_context& context, const grant_connection& c) {
  if (c.caller == context.self) return invalid_fields({{"userId", "is the caller"}});
  if (context.caller != context.self) return error_code::forbidden;
  if (!s.exists()) return error_code::user_not_found;
  const auto row = f.get<connection_row>(0);
  switch (state_of(row)) {
    case connection_state::none:
      return error_code::connection_not_found;
    case connection_state::granted:
      return nothing_happened<event>();
    case connection_state::requested:
      return happened<event>(connection_granted{s.as_person(), row->caller, row->requested_at, context.now});
  }
  return impossible("a connection row has an unknown state");
}

account_view view_of(const state& s) {
  return {s.seq, s.name, s.email, s.profile_image_url, s.login_count, s.last_login_at, s.created_at, s.generation};
}

}  // namespace

bool user::is_email(std::string_view text) noexcept {
  const auto at = text.find('@');
  if (at == 0 || at == std::string_view::npos) return false;
  if (!std::ranges::all_of(text.substr(0, at), is_local_character)) return false;
  std::size_t labels = 0;
  for (auto domain = text.substr(at + 1);; ++labels) {
    const auto dot = domain.find('.');
    const auto label = domain.substr(0, dot);
    if (label.empty() || !std::ranges::all_of(label, is_label_character)) return false;
    if (dot == std::string_view::npos) return labels >= 1;
    domain.remove_prefix(dot + 1);
  }
}

std::vector<field_error> user::validate_join(std::string_view name, std::string_view email, std::string_view password) {
  std::vector<field_error> violations;
  check_name(name, violations);
  check_email(email, violations);
  check_password(password, violations);
  return violations;
}

std::string user_aggregate::unique_key(const command& c) {
  const auto* joining = std::get_if<join>(&c);
  return joining != nullptr ? ascii_lower(joining->email) : std::string();
}

void user_aggregate::lookups(const command& c, const command_context& context, std::vector<row_key>& keys) {
  std::visit(
      overloaded{
          [&](const join& j) { keys.push_back({table::email, 0, 0, ascii_lower(j.email)}); },
          [&](const record_sign_in&) {},
          [&](const request_connection&) { keys.push_back({table::connection, context.self, context.caller, {}}); },
          [&](const grant_connection& g) { keys.push_back({table::connection, context.self, g.caller, {}}); },
      },
      c);
}

result<decision<event>> user_aggregate::decide(const state& s, const facts& f, const command_context& context,
                                               const command& c) {
  return std::visit(overloaded{
                        [&](const join& j) { return decide_join(s, f, context, j); },
                        [&](const record_sign_in& r) { return decide_sign_in(s, context, r); },
                        [&](const request_connection& r) { return decide_request(s, f, context, r); },
                        [&](const grant_connection& g) { return decide_grant(s, f, context, g); },
                    },
                    c);
}

user::reply user_aggregate::answer(const state& after, const facts& f, const command_context& context,
                                   const command& c) {
  return std::visit(overloaded{
                        [&](const join&) -> user::reply { return view_of(after); },
                        [&](const record_sign_in&) -> user::reply { return view_of(after); },
                        [&](const request_connection& r) -> user::reply {
                          // The facts are from before the decision: what was not there is asked for by now.
                          const auto before = state_of(f.get<connection_row>(0));
                          return connection_view{
                              r.caller.seq, context.self,
                              before == connection_state::none ? connection_state::requested : before};
                        },
                        [&](const grant_connection& g) -> user::reply {
                          return connection_view{g.caller, context.self, connection_state::granted};
                        },
                    },
                    c);
}

}  // namespace social::domain
