// The JSON shapes of answers. An absent value is left out, never null; dates are ISO 8601 in UTC.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/comment/commands.hpp"
#include "actors/domain/post/commands.hpp"
#include "actors/domain/subscription/commands.hpp"
#include "actors/domain/user/commands.hpp"
#include "actors/protocol/push.hpp"

namespace social::http::dto {

std::string user(const domain::user::account_view& account);
std::string token_and_user(std::string_view token, const domain::user::account_view& account);
std::string connection(const domain::user::connection_view& connection);
std::string post(const domain::post::post_view& post);
std::string posts(const std::vector<domain::post::post_view>& list);
std::string comment(const domain::comment::comment_view& comment);
std::string comments(const std::vector<domain::comment::comment_view>& list);
std::string subscription(const domain::subscription::device_view& device);
std::string push_key(const protocol::push_key& key);

}  // namespace social::http::dto
