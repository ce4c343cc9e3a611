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

using verified = std::function<void(const call_ptr&, const protocol::account_answer&)>;

/// As long as a real one takes.
void verify_nobody(const call_ptr& c, const attempt_ptr& who) {
  c->core.auth.passwords.verify_nobody(who->password.substr(0, password_bytes_max), [c, who](result<bool> fits) {
    if (!fits) return abandon(c, *who, fits.error());
    refuse(c);
  });
}

void verify(const call_ptr& c, const attempt_ptr& who, const protocol::account_answer& found, verified go) {
  c->core.auth.passwords.verify(found.password_hash, who->password,
                                [c, who, found, go = std::move(go)](result<bool> fits) {
                                  if (!fits) return abandon(c, *who, fits.error());
                                  if (!*fits) return refuse(c);
                                  if (auto& guard = c->core.auth.sign_ins)
                                    guard->succeeded(who->email, c->head->remote_address);
                                  go(c, found);
                                });
}

void look_up(const call_ptr& c, const attempt_ptr& who, verified go) {
  c->core.node.query(c->io(), protocol::account_by_email{who->email},
                     [c, who, go = std::move(go)](result<protocol::answer> found) {
                       if (found) return verify(c, who, std::get<protocol::account_answer>(*found), go);
                       if (found.error().code == error_code::user_not_found) return verify_nobody(c, who);
                       abandon(c, *who, found.error());
                     });
}

/// The command counts only if the hash is still the one that was verified.
void record(const call_ptr& c, const attempt& who, const protocol::account_answer& found) {
  auto context = c->context_of(who.email, {});
  context.caller = found.account.seq;
  backend::completion<domain::user::reply> done = [c, now = found.account](result<domain::user::reply> reply) {
    if (!reply) return reply.error().code == error_code::bad_credential ? refuse(c) : c->fail(reply.error());
    const auto& account = std::get<domain::user::account_view>(*reply);
    if (c->replayed) return answer_again_with_token(c, account, now);
    c->core.counters.logins.fetch_add(1, std::memory_order_relaxed);
    answer_with_token(c, account);
  };
  ask<domain::user_aggregate>(c, {domain::aggregate_kind::user, found.account.seq, 0}, std::move(context),
                              domain::user::record_sign_in{found.password_hash}, std::move(done));
}

}  // namespace

void verify_password(const call_ptr& c, const attempt_ptr& who,
                     std::function<void(const call_ptr&, const protocol::account_answer&)> go) {
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
  look_up(c, who, std::move(go));
}

namespace actions {

void sign_in(const call_ptr& c, std::string body) {
  auto fields = json_fields::parse(body, json_limits_of(c->core.options));
  if (!fields) return c->fail(fields.error());
  const auto principal = fields->required("principal");
  auto password = fields->required("credentials");
  if (!fields->problems.empty()) return c->fail(invalid_fields(std::move(fields->problems)));
  const auto who = std::make_shared<attempt>(attempt{ascii_lower(principal), std::move(password)});
  verify_password(c, who, [who](const call_ptr& c, const protocol::account_answer& found) { record(c, *who, found); });
}

}  // namespace actions
}  // namespace social::http
