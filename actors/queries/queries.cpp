#include "actors/queries/queries.hpp"

#include "actors/base/log.hpp"
#include "actors/base/text.hpp"
#include "actors/domain/comment/state.hpp"
#include "actors/domain/post/state.hpp"
#include "actors/domain/user/state.hpp"
#include "actors/queries/lookup.hpp"

namespace social::queries {
namespace {

using namespace protocol;
using domain::aggregate_kind;
using domain::row_key;
using domain::table;
using outcome = result<answer>;

row_key state_key(aggregate_kind kind, id_t id) {
  return {table::state, static_cast<std::uint64_t>(kind), id, {}};
}
row_key counts_key(id_t post) {
  return {table::counts, static_cast<std::uint64_t>(aggregate_kind::post), post, {}};
}

bool may_read(lookup& rows, id_t caller, id_t owner) {
  if (caller == owner) return caller != 0;
  const auto row = rows.get<domain::user::connection_row>({table::connection, owner, caller, {}});
  return row && row->state == domain::user::connection_state::granted;
}

account_answer account_of(const domain::user::state& user, bool with_password_hash) {
  account_answer out;
  out.account = {user.seq,         user.name,          user.email,      user.profile_image_url,
                 user.login_count, user.last_login_at, user.created_at, user.generation};
  if (with_password_hash) out.password_hash = user.password_hash;
  out.as_person = user.as_person();
  return out;
}

outcome one_account(lookup& rows, id_t id, bool with_password_hash) {
  const auto user = rows.get<domain::user::state>(state_key(aggregate_kind::user, id));
  if (!user) return error_code::user_not_found;
  return answer(account_of(*user, with_password_hash));
}

std::optional<id_t> owner_of_email(lookup& rows, const std::string& email) {
  const auto row = rows.get<domain::user::email_row>({table::email, 0, 0, ascii_lower(email)});
  return row ? std::optional<id_t>(row->user) : std::nullopt;
}

domain::post::post_view view_of(domain::post::state&& post, const domain::post::counts& numbers, bool likes_of_me) {
  return {post.seq,        std::move(post.contents), numbers, likes_of_me, std::move(post.writer),
          post.created_at, post.updated_at};
}

struct answerer {
  lookup& rows;
  shard_t shards;

  outcome operator()(const account_by_id& q) { return one_account(rows, q.user, false); }

  outcome operator()(const account_by_email& q) {
    const auto owner = owner_of_email(rows, q.email);
    if (!owner) return error_code::user_not_found;
    return one_account(rows, *owner, true);
  }

  outcome operator()(const email_exists& q) { return answer(exists_answer{owner_of_email(rows, q.email).has_value()}); }

  outcome operator()(const access& q) {
    if (!may_read(rows, q.caller, q.owner)) return error_code::forbidden;
    return answer(access_answer{});
  }

  outcome operator()(const post_by_id& q) {
    if (!may_read(rows, q.caller, q.owner)) return error_code::forbidden;
    if (shard_of(q.post, shards) != shard_of(q.owner, shards)) return error_code::post_not_found;
    rows.freeze();  // the count of likes and "did I like it" must agree
    auto post = rows.get<domain::post::state>(state_key(aggregate_kind::post, q.post));
    if (!post || post->writer.seq != q.owner) return error_code::post_not_found;
    const auto numbers = rows.get<domain::post::counts>(counts_key(q.post));
    const bool liked = rows.has({table::like, q.post, q.caller, {}});
    return answer(post_answer{view_of(std::move(*post), numbers.value_or(domain::post::counts{}), liked)});
  }

  outcome operator()(const posts_of& q) {
    if (!may_read(rows, q.caller, q.owner)) return error_code::forbidden;
    rows.freeze();
    const auto index = rows.scan({table::post_of_owner, q.owner, q.after, q.offset, q.limit + 1});
    const auto count = std::min(index.size(), q.limit);
    std::vector<row_key> states;
    std::vector<row_key> numbers;
    for (std::size_t i = 0; i < count; ++i) {
      states.push_back(state_key(aggregate_kind::post, index[i].key.b));
      numbers.push_back(counts_key(index[i].key.b));
    }
    auto found = rows.get_many<domain::post::state>(states);
    auto counted = rows.get_many<domain::post::counts>(numbers);
    post_page page;
    for (std::size_t i = 0; i < count; ++i) {
      if (!found[i]) throw cannot_read{{error_code::corrupt_record, "a listed post has no row"}};
      const bool liked = rows.has({table::like, index[i].key.b, q.caller, {}});
      page.posts.push_back(view_of(std::move(*found[i]), counted[i].value_or(domain::post::counts{}), liked));
    }
    if (index.size() > count && count > 0) page.next = index[count - 1].key.b;
    return answer(std::move(page));
  }

  outcome operator()(const comments_of& q) {
    if (!may_read(rows, q.caller, q.owner)) return error_code::forbidden;
    if (shard_of(q.post, shards) != shard_of(q.owner, shards)) return error_code::post_not_found;
    rows.freeze();
    const auto post = rows.get<domain::post::state>(state_key(aggregate_kind::post, q.post));
    if (!post || post->writer.seq != q.owner) return error_code::post_not_found;
    const auto index = rows.scan({table::comment_of_post, q.post, q.after, q.offset, q.limit + 1});
    const auto count = std::min(index.size(), q.limit);
    std::vector<row_key> states;
    for (std::size_t i = 0; i < count; ++i) states.push_back(state_key(aggregate_kind::comment, index[i].key.b));
    comment_page page;
    for (auto& row : rows.get_many<domain::comment::state>(states)) {
      if (!row) throw cannot_read{{error_code::corrupt_record, "a listed comment has no row"}};
      page.comments.push_back(
          {row->seq, std::move(row->contents), std::move(row->writer), row->created_at, row->updated_at});
    }
    if (index.size() > count && count > 0) page.next = index[count - 1].key.b;
    return answer(std::move(page));
  }
};

}  // namespace

std::optional<result<answer>> run(const query& question, const ports::row_reader& rows, shard_t shards,
                                  ports::read_tier tier) {
  lookup reading(rows, tier);
  try {
    return std::visit(answerer{reading, shards}, question);
  } catch (const needs_disk&) {
    if (tier == ports::read_tier::cache_only) return std::nullopt;
    return result<answer>(error_code::store_unavailable);
  } catch (const cannot_read& failure) {
    log::error("queries", "rows could not be read", {{"reason", failure.why.text()}});
    return result<answer>(failure.why.code == error_code::corrupt_record ? failure.why
                                                                         : error(error_code::store_unavailable));
  }
}

}  // namespace social::queries
