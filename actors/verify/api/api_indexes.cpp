// Tables in another order than the state rows they follow from.
#include "actors/base/text.hpp"
#include "actors/domain/comment/comment.hpp"
#include "actors/domain/idempotency.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "actors/verify/api/api_check.hpp"
#include "actors/verify/api/api_rules.hpp"

namespace social::verify {
namespace {

using namespace domain;

row_key state_key(aggregate_kind kind, id_t id) {
  return {table::state, static_cast<std::uint64_t>(kind), id, {}};
}

/// Calls `look(id, state)` for each aggregate of a kind whose state decodes.
template <record State, class Function>
void for_each_state(const store_view& store, aggregate_kind kind, const Function& look) {
  const auto number = static_cast<std::uint64_t>(kind);
  table_scan rows(store, table::state, row_key{table::state, number, 0, {}}, number);
  for (; const auto* row = rows.row(); rows.next())
    if (const auto state = decode_record<State>(row->bytes)) look(row->key.b, *state);
}

bool is_there(const store_view& store, const row_key& key) {
  return store.rows.get(key, ports::read_tier::disk).what == ports::row_value::status::found;
}

}  // namespace

void api_check::check_emails() {
  for_each_row(store_, table::email, [this](const ports::scanned_row& row) {
    const auto value = decoded<user::email_row>(store_, row);
    if (row.key.a != 0 || row.key.b != 0) store_.found("key", row.key, "is no key of this table");
    if (value) emails_there_.add(set_member(row.key.text, value->user));
  });
  if (emails_wanted_ != emails_there_) explain_emails();
}

void api_check::explain_emails() {
  for_each_state<user::state>(store_, aggregate_kind::user, [this](id_t id, const user::state& account) {
    const row_key key{table::email, 0, 0, ascii_lower(account.email)};
    const auto row = looked_up<user::email_row>(store_, key);
    if (!row)
      store_.found("index", key, "is missing: user " + std::to_string(id) + " cannot sign in");
    else if (row->user != id)
      store_.found("index", key,
                   "names user " + std::to_string(row->user) + ", but is the e-mail of user " + std::to_string(id));
  });
  for_each_row(store_, table::email, [this](const ports::scanned_row& row) {
    const auto value = decode_record<user::email_row>(row.bytes);
    if (!value) return;
    const auto account = looked_up<user::state>(store_, state_key(aggregate_kind::user, value->user));
    if (!account || ascii_lower(account->email) != row.key.text)
      store_.found("index", row.key, "names user " + std::to_string(value->user) + ", who does not have this e-mail");
  });
}

void api_check::check_post_lists() {
  for_each_row(store_, table::post_of_owner, [this](const ports::scanned_row& row) {
    expect_empty(store_, row);
    post_lists_there_.add(set_member(row.key.text, row.key.a, row.key.b));
  });
  if (post_lists_wanted_ != post_lists_there_) explain_post_lists();
}

void api_check::explain_post_lists() {
  for_each_state<post::state>(store_, aggregate_kind::post, [this](id_t id, const post::state& state) {
    const row_key key{table::post_of_owner, state.writer.seq, id, {}};
    if (!is_there(store_, key)) store_.found("view", key, "is missing: the post is in no list");
  });
  for_each_row(store_, table::post_of_owner, [this](const ports::scanned_row& row) {
    const auto state = looked_up<post::state>(store_, state_key(aggregate_kind::post, row.key.b));
    if (!state || state->writer.seq != row.key.a || !row.key.text.empty())
      store_.found("view", row.key, "lists a post that its owner does not have");
  });
}

void api_check::explain_comment_lists() {
  for_each_state<comment::state>(store_, aggregate_kind::comment, [this](id_t id, const comment::state& state) {
    const row_key key{table::comment_of_post, state.post, id, {}};
    if (!is_there(store_, key)) store_.found("view", key, "is missing: the comment is in no list");
    const auto post = looked_up<post::state>(store_, state_key(aggregate_kind::post, state.post));
    if (post && post->writer.seq != state.owner)
      store_.found("owner", state_key(aggregate_kind::comment, id),
                   "names user " + std::to_string(state.owner) + " as owner of its post, who is " +
                       std::to_string(post->writer.seq));
  });
  for_each_row(store_, table::comment_of_post, [this](const ports::scanned_row& row) {
    const auto state = looked_up<comment::state>(store_, state_key(aggregate_kind::comment, row.key.b));
    if (!state || state->post != row.key.a)
      store_.found("view", row.key, "lists a comment that the post does not have");
  });
}

void api_check::check_connections() {
  for_each_row(store_, table::connection, [this](const ports::scanned_row& row) { check_connection(row); });
}

void api_check::check_connection(const ports::scanned_row& row) {
  using enum user::connection_state;
  ++summary_.connections;
  if (!row.key.text.empty()) store_.found("key", row.key, "is no key of this table");
  if (!users_.has(row.key.a)) store_.found("owner", row.key, "belongs to a user who does not exist");
  const auto connection = decoded<user::connection_row>(store_, row);
  if (!connection) return;
  if (connection->caller.seq != row.key.b)
    store_.found("key", row.key, "is the connection of user " + std::to_string(connection->caller.seq));
  if (row.key.a == row.key.b) store_.found("connection", row.key, "connects somebody with themselves");
  check_person(row.key, connection->caller, "who asked");
  if (connection->state != none && connection->state != requested && connection->state != granted)
    store_.found("connection", row.key, "has an unknown state");
  if ((connection->state == granted) != connection->granted_at.has_value())
    store_.found("connection", row.key, "says that it was granted, or when, but not both");
}

void api_check::check_idempotency() {
  for_each_row(store_, table::idempotency, [this](const ports::scanned_row& row) {
    const auto kept = decoded<idempotency_row>(store_, row);
    if (kept && idempotency_day(kept->at) != row.key.a)
      store_.found("key", row.key, "lies under another day than its own");
  });
}

void api_check::check_cursors() {
  for_each_row(store_, table::cursor, [this](const ports::scanned_row& row) { check_cursor(store_, row, store_.log); });
}

api_summary verify_api_store(const store_view& store, std::size_t replay_bytes_max) {
  auto summary = api_check(store).run();
  replay_options options;
  options.bytes_max = replay_bytes_max;
  options.is_own = [](table where) { return where >= table::email && where <= table::connection; };
  summary.replay = replay_journal(store, api_kinds(), options);
  return summary;
}

}  // namespace social::verify
