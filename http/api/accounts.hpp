// What joining and signing in share.
#pragma once

#include "actors/base/json_guard.hpp"
#include "actors/domain/user/commands.hpp"
#include "http/api/call.hpp"

namespace social::http {

/// `{apiToken, user}`; remembers the generation, so that the first use of the token needs no question.
void answer_with_token(const call_ptr& c, const domain::user::account_view& account);

json_limits json_limits_of(const api_options& options);

}  // namespace social::http
