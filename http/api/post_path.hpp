// What everything below /api/user/{userId}/post/{postId} shares.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "actors/base/result.hpp"
#include "http/api/api_options.hpp"
#include "http/api/call.hpp"
#include "http/api/paging.hpp"

namespace social::http {

/// Goes on when the path could name a post; otherwise 403 for who may not read that owner's posts, else 404.
void with_post_path(const call_ptr& c, const std::function<void(const call_ptr&)>& go);

/// `contents` of a post or a comment. Errors: malformed_json, invalid_input.
result<std::string> read_contents(const call& c, std::string_view body);

page_rules page_rules_of(const api_options& options, std::size_t limit_default, char list);

}  // namespace social::http
