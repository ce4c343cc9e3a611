// What joining and signing in share.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/base/json_guard.hpp"
#include "actors/domain/user/commands.hpp"
#include "http/api/call.hpp"

namespace social::http {

/// `{apiToken, user}`; remembers the generation, so that the first use of the token needs no question.
void answer_with_token(const call_ptr& c, const domain::user::account_view& account);
/// The same with the account as it was when the call was made first; the token is of the account as it is now.
void answer_again_with_token(const call_ptr& c, const domain::user::account_view& then,
                             const domain::user::account_view& now);

/// Who signs in, or says again that he has joined.
struct attempt {
  std::string email;  ///< lower case
  std::string password;
};
using attempt_ptr = std::shared_ptr<attempt>;

/// Goes on with the account once the password fits; fails the call alike for a wrong e-mail and a wrong password. Too
/// many failures are delayed. `go` runs on a thread of the password pool.
void verify_password(const call_ptr& c, const attempt_ptr& who,
                     std::function<void(const call_ptr&, const protocol::account_answer&)> go);

json_limits json_limits_of(const api_options& options);

}  // namespace social::http
