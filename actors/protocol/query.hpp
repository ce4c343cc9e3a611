// Questions answered by reader actors from committed rows. They activate no entity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"
#include "actors/domain/comment/commands.hpp"
#include "actors/domain/post/commands.hpp"
#include "actors/domain/user/commands.hpp"

namespace social::protocol {

/// -> account_answer, user_not_found
struct account_by_id {
  id_t user = 0;
};
/// Also the password hash, for signing in. -> account_answer, user_not_found
struct account_by_email {
  std::string email;  ///< any case
};
/// -> exists_answer
struct email_exists {
  std::string email;
};
/// Only the access check: may `caller` read what `owner` writes? -> access_answer, forbidden
struct access {
  id_t caller = 0;
  id_t owner = 0;
};
/// -> post_answer, forbidden, post_not_found (also when post and owner are of different shards)
struct post_by_id {
  id_t caller = 0;
  id_t owner = 0;
  id_t post = 0;
};
/// Newest first; a page either by offset or after a cursor. -> post_page, forbidden
struct posts_of {
  id_t caller = 0;
  id_t owner = 0;
  std::size_t offset = 0;
  std::optional<id_t> after;  ///< the last post of the page before
  std::size_t limit = 0;
};
/// Newest first. -> comment_page, forbidden, post_not_found
struct comments_of {
  id_t caller = 0;
  id_t owner = 0;
  id_t post = 0;
  std::size_t offset = 0;
  std::optional<id_t> after;
  std::size_t limit = 0;
};

using query = std::variant<account_by_id, account_by_email, email_exists, access, post_by_id, posts_of, comments_of>;

struct account_answer {
  domain::user::account_view account;
  std::string password_hash;  ///< only for account_by_email
  domain::person as_person;
};
struct exists_answer {
  bool exists = false;
};
struct access_answer {};
struct post_answer {
  domain::post::post_view post;
};
struct post_page {
  std::vector<domain::post::post_view> posts;
  std::optional<id_t> next;  ///< set when there are more: ask again with `after`
};
struct comment_page {
  std::vector<domain::comment::comment_view> comments;
  std::optional<id_t> next;
};

using answer = std::variant<account_answer, exists_answer, access_answer, post_answer, post_page, comment_page>;

}  // namespace social::protocol
