#include "actors/verify/api/api_check.hpp"

#include "actors/base/text.hpp"

namespace social::verify {
namespace {

using namespace domain;

bool is_known(table where) {
  return where <= table::idempotency || where == table::cursor;
}

}  // namespace

api_check::api_check(const store_view& store)
    : store_(store),
      users_(store, aggregate_kind::user),
      posts_(store, aggregate_kind::post),
      generations_(store, table::generation),
      counts_(store, table::counts),
      likes_(store, table::like),
      comment_lists_(store, table::comment_of_post) {}

api_summary api_check::run() {
  walk_state();
  check_orphans();
  check_emails();
  check_post_lists();
  if (comment_lists_wanted_ != comment_lists_there_) explain_comment_lists();
  check_connections();
  check_idempotency();
  check_cursors();
  check_foreign_tables(store_, is_known);
  return summary_;
}

void api_check::walk_state() {
  for_each_row(store_, table::state, [this](const ports::scanned_row& row) {
    if (!row.key.text.empty()) return store_.found("key", row.key, "no state row has a text in its key");
    switch (static_cast<aggregate_kind>(row.key.a < 256 ? row.key.a : 0)) {
      case aggregate_kind::user:
        return check_user(row);
      case aggregate_kind::post:
        return check_post(row);
      case aggregate_kind::comment:
        return check_comment(row);
      default:
        store_.found("key", row.key, "no aggregate of this kind lives in this store");
    }
  });
}

bool api_check::same_shard(id_t one, id_t other) const {
  return shard_of(one, store_.log.shards()) == shard_of(other, store_.log.shards());
}

void api_check::check_person(const row_key& at, const person& who, const char* part) {
  if (!users_.has(who.seq))
    store_.found("person", at, std::string(part) + " is user " + std::to_string(who.seq) + ", who does not exist");
  else if (who.name.empty() || who.email.empty())
    store_.found("person", at, std::string(part) + " has no name or no e-mail");
}

void api_check::check_user(const ports::scanned_row& row) {
  ++summary_.users;
  const auto id = row.key.b;
  check_id(store_, row.key, aggregate_kind::user, id);
  users_.add(id);
  const auto orphan = [this](const ports::scanned_row& found) {
    store_.found("owner", found.key, "belongs to a user who does not exist");
  };
  std::optional<std::uint64_t> generation;
  rows_of(
      generations_, id,
      [&](const ports::scanned_row& found) {
        if (found.key.b != 0 || !found.key.text.empty())
          return store_.found("key", found.key, "is no key of this table");
        if (const auto value = decoded<user::generation_row>(store_, found)) generation = value->generation;
      },
      orphan);
  const auto account = decoded<user::state>(store_, row);
  if (!account) return;
  if (account->seq != id) store_.found("key", row.key, "is the state of user " + std::to_string(account->seq));
  const row_key generation_key{table::generation, id, 0, {}};
  if (generation != account->generation)
    store_.found("index", generation_key,
                 generation ? "is not the generation of the user's state" : "is missing or does not decode");
  const auto email = ascii_lower(account->email);
  if (shard_of_email(email, store_.log.shards()) != shard_of(id, store_.log.shards()))
    store_.found("shard", row.key, "does not lie in the shard of its e-mail");
  emails_wanted_.add(set_member(email, id));
}

void api_check::check_post(const ports::scanned_row& row) {
  ++summary_.posts;
  const auto id = row.key.b;
  check_id(store_, row.key, aggregate_kind::post, id);
  posts_.add(id);
  const auto state = decoded<post::state>(store_, row);
  const auto owner = state ? state->writer.seq : 0;
  const auto likes = check_likes(id);
  const auto comments = check_comment_list(id, owner);
  check_counts(id, likes, comments);
  if (!state) return;
  if (state->seq != id) store_.found("key", row.key, "is the state of post " + std::to_string(state->seq));
  check_person(row.key, state->writer, "its owner");
  if (!same_shard(id, owner)) store_.found("shard", row.key, "does not lie in the shard of its owner");
  post_lists_wanted_.add(set_member({}, owner, id));
}

std::uint64_t api_check::check_likes(id_t post) {
  std::uint64_t count = 0;
  rows_of(
      likes_, post,
      [&](const ports::scanned_row& found) {
        ++count;
        if (!found.key.text.empty()) return store_.found("key", found.key, "is no key of this table");
        const auto like = decoded<post::like_row>(store_, found);
        if (!like) return;
        if (like->who.seq != found.key.b)
          store_.found("key", found.key, "is the like of user " + std::to_string(like->who.seq));
        check_person(found.key, like->who, "who likes");
      },
      [this](const ports::scanned_row& found) {
        store_.found("owner", found.key, "belongs to a post that does not exist");
      });
  summary_.likes += count;
  return count;
}

std::uint64_t api_check::check_comment_list(id_t post, id_t owner) {
  std::uint64_t count = 0;
  rows_of(
      comment_lists_, post,
      [&](const ports::scanned_row& found) {
        ++count;
        if (!found.key.text.empty()) return store_.found("key", found.key, "is no key of this table");
        expect_empty(store_, found);
        comment_lists_there_.add(set_member({}, post, found.key.b, owner));
      },
      [this](const ports::scanned_row& found) {
        store_.found("owner", found.key, "belongs to a post that does not exist");
      });
  return count;
}

void api_check::check_counts(id_t post, std::uint64_t likes, std::uint64_t comments) {
  const row_key key{table::counts, static_cast<std::uint64_t>(aggregate_kind::post), post, {}};
  std::optional<post::counts> counts;
  bool is_there = false;
  for (; const auto* found = counts_.row(); counts_.next()) {
    if (found->key.a > key.a || (found->key.a == key.a && found->key.b > post)) break;
    if (found->key == key) {
      is_there = true;
      counts = decoded<post::counts>(store_, *found);
    } else {
      store_.found("owner", found->key, "belongs to a post that does not exist");
    }
  }
  // A post that nobody has liked, commented or viewed has none.
  if (!is_there && (likes != 0 || comments != 0)) return store_.found("count", key, "is missing");
  if (!counts) return;
  const auto compare = [&](std::uint64_t said, std::uint64_t there, const char* what) {
    if (said != there)
      store_.found("count", key,
                   "says " + std::to_string(said) + " " + what + ", but there are " + std::to_string(there));
  };
  compare(counts->likes, likes, "likes");
  compare(counts->comments, comments, "comments");
}

void api_check::check_comment(const ports::scanned_row& row) {
  ++summary_.comments;
  const auto id = row.key.b;
  check_id(store_, row.key, aggregate_kind::comment, id);
  const auto state = decoded<comment::state>(store_, row);
  if (!state) return;
  if (state->seq != id) store_.found("key", row.key, "is the state of comment " + std::to_string(state->seq));
  check_person(row.key, state->writer, "its writer");
  if (!posts_.has(state->post))
    store_.found("owner", row.key, "belongs to post " + std::to_string(state->post) + ", which does not exist");
  if (!same_shard(id, state->post)) store_.found("shard", row.key, "does not lie in the shard of its post");
  comment_lists_wanted_.add(set_member({}, state->post, id, state->owner));
}

void api_check::check_orphans() {
  rest_of(generations_,
          [this](const auto& row) { store_.found("owner", row.key, "belongs to a user who does not exist"); });
  for (auto* rows : {&counts_, &likes_, &comment_lists_})
    rest_of(*rows,
            [this](const auto& row) { store_.found("owner", row.key, "belongs to a post that does not exist"); });
}

}  // namespace social::verify
