// Signing in: the account is looked up, the password is verified off the request threads, the sign-in is recorded.
#include "actors/base/text.hpp"
#include "actors/domain/user/user.hpp"
#include "http/api/accounts.hpp"
#include "http/api/actions.hpp"
#include "http/api/call.hpp"
#include "http/api/json_fields.hpp"

namespace social::http {
namespace {

/// Longer ones cannot be anybody's (128 characters of at most 4 bytes): not worth hashing.
constexpr std::size_t password_bytes_max = 512;

struct attempt {
  std::string email;  ///< lower case
  std::string password;
};
using attempt_ptr = std::shared_ptr<attempt>;

/// Nothing was tried: does not count as a failure.
void abandon(const call_ptr& c, const attempt& who, const error& why) {
  if (auto& guard = c->core.auth.sign_ins) guard->abandoned(who.email, c->head->remote_address);
  c->fail(why);
}

/// Wrong e-mail and wrong password are told alike.
void refuse(const call_ptr& c) {
  c->core.counters.login_failures.fetch_add(1, std::memory_order_relaxed);
  c->fail(error_code::bad_credential);
}

/// On a thread of the password pool. The command counts only if the hash is still the one that was verified.
void record(const call_ptr& c, const attempt& who, id_t user, std::string verified_hash) {
  if (auto& guard = c->core.auth.sign_ins) guard->succeeded(who.email, c->head->remote_address);
  auto context = c->context();
  context.caller = user;
  backend::completion<domain::user::reply> done = [c](result<domain::user::reply> reply) {
    if (!reply) return reply.error().code == error_code::bad_credential ? refuse(c) : c->fail(reply.error());
    c->core.counters.logins.fetch_add(1, std::memory_order_relaxed);
    answer_with_token(c, std::get<domain::user::account_view>(*reply));
  };
  c->core.node.ask<domain::user_aggregate>(c->io(), {domain::aggregate_kind::user, user, 0}, std::move(context),
                                           domain::user::record_sign_in{std::move(verified_hash)}, std::move(done));
}

void verify(const call_ptr& c, const attempt_ptr& who, const protocol::account_answer& found) {
  c->core.auth.passwords.verify(found.password_hash, who->password,
                                [c, who, user = found.account.seq, hash = found.password_hash](result<bool> fits) {
                                  if (!fits) return abandon(c, *who, fits.error());
                                  if (!*fits) return refuse(c);
                                  record(c, *who, user, hash);
                                });
}

/// As long as a real one takes.
void verify_nobody(const call_ptr& c, const attempt_ptr& who) {
  c->core.auth.passwords.verify_nobody(who->password.substr(0, password_bytes_max), [c, who](result<bool> fits) {
    if (!fits) return abandon(c, *who, fits.error());
    refuse(c);
  });
}

void look_up(const call_ptr& c, const attempt_ptr& who) {
  c->core.node.query(c->io(), protocol::account_by_email{who->email}, [c, who](result<protocol::answer> found) {
    if (found) return verify(c, who, std::get<protocol::account_answer>(*found));
    if (found.error().code == error_code::user_not_found) return verify_nobody(c, who);
    abandon(c, *who, found.error());
  });
}

}  // namespace

namespace actions {

void sign_in(const call_ptr& c, std::string body) {
  auto fields = json_fields::parse(body, json_limits_of(c->core.options));
  if (!fields) return c->fail(fields.error());
  const auto principal = fields->required("principal");
  auto password = fields->required("credentials");
  if (!fields->problems.empty()) return c->fail(invalid_fields(std::move(fields->problems)));
  const auto who = std::make_shared<attempt>(attempt{ascii_lower(principal), std::move(password)});
  if (auto& guard = c->core.auth.sign_ins) {
    const auto wait_s = guard->begin(who->email, c->head->remote_address, c->core.node.now());
    if (wait_s > 0) {
      c->core.counters.logins_delayed.fetch_add(1, std::memory_order_relaxed);
      error later{error_code::rate_limited, "Too many failed attempts; try again later"};
      later.retry_after_s = static_cast<int>(wait_s);
      return c->fail(later);
    }
  }
  if (!domain::user::is_email(who->email) || who->password.size() > password_bytes_max) return verify_nobody(c, who);
  look_up(c, who);
}

}  // namespace actions
}  // namespace social::http
