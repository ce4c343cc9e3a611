#include <string>
#include <vector>

#include "tests/unit/domain/world.hpp"

namespace social::domain::test {
using namespace social::domain::post;

namespace {

constexpr id_t owner_id = 1;
constexpr id_t friend_id = 2;
constexpr id_t post_id = 100;

state written(const std::string& contents = "hello") {
  state s;
  s.seq = post_id;
  s.writer = person_of(owner_id, "anna");
  s.contents = contents;
  s.created_at = noon;
  return s;
}

command_context context_of(id_t caller, id_t new_id = 0) {
  command_context context;
  context.now = noon + 1;
  context.self = post_id;
  context.caller = caller;
  context.new_id = new_id;
  return context;
}

user::connection_row connection(user::connection_state s, id_t caller = friend_id) {
  return {s, person_of(caller, "bo"), noon, noon};
}
const auto granted = connection(user::connection_state::granted);

user::state account(id_t id) {
  user::state s;
  s.seq = id;
  s.name = "anna";
  s.email = "anna@example.org";
  s.profile_image_url = "/image";
  s.login_count = 3;
  s.last_login_at = noon - 1;
  s.created_at = noon - 2;
  return s;
}
const auto owner_account = account(owner_id);

error refusal(const state& s, const facts& f, const command_context& context, const command& c) {
  const auto decided = post_aggregate::decide(s, f, context, c);
  REQUIRE_FALSE(decided);
  return decided.error();
}

event only_event(const state& s, const facts& f, const command_context& context, const command& c) {
  const auto decided = post_aggregate::decide(s, f, context, c);
  REQUIRE(decided);
  REQUIRE(decided->events.size() == 1);
  return decided->events[0];
}

}  // namespace

TEST_CASE("contents have 4 to 500 characters and say something", "[domain][post]") {
  std::string korean;
  for (int i = 0; i < 500; ++i) korean += "가";
  const std::vector<std::pair<std::string, bool>> texts = {
      {"abc", false},
      {"abcd", true},
      {"😀😀😀", false},
      {"😀😀😀😀", true},
      {std::string(500, 'x'), true},
      {std::string(501, 'x'), false},
      {korean, true},
      {korean + "가", false},
      {"", false},
      {"    ", false},
      {" \t\n\u3000\u00A0", false},
      {"   a", true},
      {"line\nline", true},
      {std::string("ab\0cd", 5), false},
      {"abcd\xFF", false},
      {"abcd\xED\xA0\x80", false},
  };
  for (const auto& [text, good] : texts) {
    CAPTURE(text);
    const auto violations = validate_contents(text);
    CHECK(violations.empty() == good);
    if (!good) {
      REQUIRE(violations.size() == 1);
      CHECK(violations[0].field == "contents");
    }
  }
}

TEST_CASE("writing a post", "[domain][post]") {
  const command c = write{"  a\u0301bc  "};
  CHECK(post_aggregate::needs_id(c));
  CHECK_FALSE(post_aggregate::child_kind(c));
  CHECK(keys_for<post_aggregate>(c, context_of(owner_id)) == std::vector<row_key>{{table::state, 1, owner_id, {}}});

  const auto e = only_event({}, found(account(owner_id)), context_of(owner_id), c);
  CHECK_FALSE(post_aggregate::only_counts(e));
  state after;
  post_aggregate::apply(after, e);
  CHECK(after.seq == post_id);
  CHECK(after.writer == account(owner_id).as_person());
  CHECK(after.contents == "  a\u0301bc  ");  // as written: nothing is normalised or trimmed away
  CHECK(after.created_at == noon + 1);
  CHECK(after.numbers == counts{});
  const auto rows = rows_of<post_aggregate>(e, after);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key == row_key{table::post_of_owner, owner_id, post_id, {}});
  CHECK(rows[0].value == "");
  const auto view = std::get<post_view>(post_aggregate::answer(after, {}, context_of(owner_id), c));
  CHECK(view.seq == post_id);
  CHECK_FALSE(view.likes_of_me);
  CHECK(view.writer.profile_image_url == "/image");
}

TEST_CASE("writing is refused", "[domain][post]") {
  const auto writer = found(account(owner_id));
  CHECK(refusal({}, writer, context_of(owner_id), write{"abc"}).code == error_code::invalid_input);
  CHECK(refusal({}, found(std::nullopt), context_of(owner_id), write{"abcd"}).code == error_code::unauthorized);
  CHECK(refusal({}, found(user::state{}), context_of(owner_id), write{"abcd"}).code == error_code::unauthorized);
  // Who asks comes before what is asked.
  CHECK(refusal({}, found(std::nullopt), context_of(owner_id), write{"abc"}).code == error_code::unauthorized);
  CHECK(refusal({}, writer, context_of(0), write{"abcd"}).code == error_code::unauthorized);
  CHECK(refusal({}, found(account(9)), context_of(owner_id), write{"abcd"}).code == error_code::internal);
  CHECK(refusal(written(), writer, context_of(owner_id), write{"abcd"}).code == error_code::internal);
}

TEST_CASE("who may like and comment, and what is there, is decided in this order", "[domain][post]") {
  struct row {
    std::string what;
    state post;
    std::optional<user::connection_row> connection;
    id_t caller;
    id_t owner;
    std::optional<error_code> expected;
  };
  state other_owner = written();
  other_owner.writer.seq = 3;
  const auto nothing = std::nullopt;
  const auto asked = connection(user::connection_state::requested);
  const auto ended = connection(user::connection_state::none);
  const auto connected = granted;
  const std::vector<row> table = {
      {"owner", written(), nothing, owner_id, owner_id, std::nullopt},
      {"connected", written(), connected, friend_id, owner_id, std::nullopt},
      {"stranger", written(), nothing, friend_id, owner_id, error_code::forbidden},
      {"asked only", written(), asked, friend_id, owner_id, error_code::forbidden},
      {"ended", written(), ended, friend_id, owner_id, error_code::forbidden},
      {"nobody", written(), nothing, 0, owner_id, error_code::unauthorized},
      {"nobody at nobody's", written(), nothing, 0, 0, error_code::unauthorized},
      {"stranger, no post", {}, nothing, friend_id, owner_id, error_code::forbidden},
      {"owner, no post", {}, nothing, owner_id, owner_id, error_code::post_not_found},
      {"connected, no post", {}, connected, friend_id, owner_id, error_code::post_not_found},
      {"connected, another's post", other_owner, connected, friend_id, owner_id, error_code::post_not_found},
      {"own path, another's post", written(), nothing, friend_id, friend_id, error_code::post_not_found},
      {"somebody else's row", written(), connected, 5, owner_id, error_code::internal},
  };
  for (const auto& [what, post, connection, caller, owner, expected] : table) {
    CAPTURE(what);
    for (const command& c : {command(like{owner}), command(write_comment{owner, "abcd"})}) {
      std::vector<std::optional<std::string>> rows(2);
      if (connection) rows[1] = encode_record(*connection);
      if (c.index() == command(write_comment{}).index()) rows[0] = encode_record(owner_account);
      const auto decided = post_aggregate::decide(post, facts(rows), context_of(caller, 500), c);
      if (expected) {
        REQUIRE_FALSE(decided);
        CHECK(decided.error().code == *expected);
      } else {
        REQUIRE(decided);
        CHECK(decided->events.size() == 1);
      }
    }
  }
  // Invalid input is said even to strangers.
  CHECK(refusal(written(), found(nothing), context_of(friend_id, 500), write_comment{owner_id, "abc"}).code ==
        error_code::invalid_input);
}

TEST_CASE("a like counts once", "[domain][post]") {
  const command c = like{owner_id};
  CHECK(keys_for<post_aggregate>(c, context_of(friend_id)) ==
        std::vector<row_key>{{table::like, post_id, friend_id, {}}, {table::connection, owner_id, friend_id, {}}});
  CHECK(keys_for<post_aggregate>(c, context_of(owner_id)) ==
        std::vector<row_key>{{table::like, post_id, owner_id, {}}});
  CHECK_FALSE(post_aggregate::needs_id(c));
  std::string contents;
  for (int i = 0; i < 130; ++i) contents += "가";
  auto s = written(contents);
  const auto e = only_event(s, found(std::nullopt, granted), context_of(friend_id), c);
  CHECK(post_aggregate::only_counts(e));
  const auto& liked = std::get<post_liked>(e);
  CHECK(liked.post == post_id);
  CHECK(liked.owner == owner_id);
  CHECK(liked.who == person_of(friend_id, "bo"));  // from the connection, never from the token
  CHECK(liked.excerpt == contents.substr(0, 360));
  post_aggregate::apply(s, e);
  CHECK(s.numbers == counts{1, 0, 0});
  const auto rows = rows_of<post_aggregate>(e, s);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key == row_key{table::like, post_id, friend_id, {}});
  const auto row = decode_record<like_row>(*rows[0].value).value();
  CHECK(row.who == person_of(friend_id, "bo"));
  CHECK(row.at == noon + 1);
  const auto view =
      std::get<post_view>(post_aggregate::answer(s, found(std::nullopt, granted), context_of(friend_id), c));
  CHECK(view.likes_of_me);
  CHECK(view.numbers.likes == 1);

  const auto again = post_aggregate::decide(s, found(row, granted), context_of(friend_id), c);
  REQUIRE(again);
  CHECK(again->events.empty());
  CHECK(std::get<post_view>(post_aggregate::answer(s, found(row, granted), context_of(friend_id), c)).likes_of_me);

  const auto own = only_event(s, found(std::nullopt), context_of(owner_id), c);
  CHECK(std::get<post_liked>(own).who == s.writer);
}

TEST_CASE("a comment is the post's count and the comment's own creation", "[domain][post]") {
  const command c = write_comment{owner_id, "nice\none"};
  CHECK(post_aggregate::child_kind(c) == aggregate_kind::comment);
  CHECK_FALSE(post_aggregate::needs_id(c));
  CHECK(keys_for<post_aggregate>(c, context_of(friend_id)) ==
        std::vector<row_key>{{table::state, 1, owner_id, {}}, {table::connection, owner_id, friend_id, {}}});
  CHECK(keys_for<post_aggregate>(c, context_of(owner_id)) == std::vector<row_key>{{table::state, 1, owner_id, {}}});
  auto s = written();
  const auto decided = post_aggregate::decide(s, found(owner_account, granted), context_of(friend_id, 500), c);
  REQUIRE(decided);
  REQUIRE(decided->events.size() == 1);
  CHECK(post_aggregate::only_counts(decided->events[0]));
  post_aggregate::apply(s, decided->events[0]);
  CHECK(s.numbers == counts{0, 1, 0});
  const auto rows = rows_of<post_aggregate>(decided->events[0], s);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key == row_key{table::comment_of_post, post_id, 500, {}});
  CHECK(rows[0].value == "");

  REQUIRE(decided->child);
  CHECK(decided->child->kind == aggregate_kind::comment);
  CHECK(decided->child->id == 500);
  CHECK(decided->child->fresh);
  const auto& create = std::get<comment::create>(unerase<comment::command>(*decided->child->command));
  CHECK(create.post == post_id);
  CHECK(create.post_writer == owner_account.as_person());  // as it is now, not as it was when the post was written
  CHECK(create.post_writer_history == comment::account_history{3, noon - 1, noon - 2});
  CHECK(create.writer == person_of(friend_id, "bo"));
  CHECK(create.contents == "nice\none");

  CHECK(refusal(s, found(owner_account, granted), context_of(friend_id, 0), c).code == error_code::internal);
  CHECK(refusal(s, found(std::nullopt, granted), context_of(friend_id, 500), c).code == error_code::internal);
  CHECK(refusal(s, found(account(9), granted), context_of(friend_id, 500), c).code == error_code::internal);
}

TEST_CASE("views are gathered elsewhere and counted here", "[domain][post]") {
  auto s = written();
  CHECK(keys_for<post_aggregate>(add_views{3}, context_of(0)).empty());
  CHECK(refusal({}, {}, context_of(0), add_views{3}).code == error_code::post_not_found);
  const auto nothing = post_aggregate::decide(s, {}, context_of(0), add_views{0});
  REQUIRE(nothing);
  CHECK(nothing->events.empty());
  const auto e = only_event(s, {}, context_of(0), add_views{3});
  CHECK(post_aggregate::only_counts(e));
  CHECK(std::get<post_viewed>(e).owner == owner_id);
  post_aggregate::apply(s, e);
  CHECK(s.numbers == counts{0, 0, 3});
  CHECK(rows_of<post_aggregate>(e, s).empty());
}

TEST_CASE("counts are no part of the state row", "[domain][post]") {
  auto s = written();
  const auto before = encode_record(s);
  post_aggregate::counts(s).likes = 7;
  CHECK(s.numbers.likes == 7);
  CHECK(encode_record(s) == before);
}

TEST_CASE("what an operator sees of a post", "[domain][post]") {
  auto s = written("hi \"you\"");
  s.numbers = {1, 2, 3};
  CHECK(post_aggregate::redacted(s) ==
        R"({"seq":100,"writer":{"seq":1,"name":"anna"},"contents":"hi \"you\"","likes":1,"comments":2,"views":3,)"
        R"("createAt":"2026-11-23T16:00:00.000Z"})");
}

}  // namespace social::domain::test
