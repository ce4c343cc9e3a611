#include <string>
#include <vector>

#include "tests/unit/domain/world.hpp"

namespace social::domain::test {
using namespace social::domain::user;

namespace {

using outcome = result<decision<event>>;

state member(id_t id, const std::string& name) {
  state s;
  s.seq = id;
  s.name = name;
  s.email = name + "@example.org";
  s.password_hash = "hash of " + name;
  s.generation = 5;
  s.created_at = noon;
  return s;
}

command_context context_of(id_t self, id_t caller) {
  command_context context;
  context.now = noon + 1;
  context.self = self;
  context.caller = caller;
  return context;
}

connection_row row_of(connection_state s, id_t caller) {
  return {s, person_of(caller, "bo"), noon, std::nullopt};
}

std::vector<std::string> join_fields(const std::string& name, const std::string& email, const std::string& password) {
  error e(error_code::invalid_input);
  e.fields = validate_join(name, email, password);
  return fields_of(e);
}

}  // namespace

TEST_CASE("names have 1 to 10 characters as people count them", "[domain][user]") {
  const std::string family = "👨‍👩‍👧";  // five code points
  const std::vector<std::pair<std::string, bool>> names = {
      {"a", true},
      {"가나다라마바사아자차", true},
      {"가나다라마바사아자차카", false},
      {"1234567890", true},
      {"12345678901", false},
      {"", false},
      {"  \t\u3000", false},
      {"  1234567890  ", true},
      {family + family, true},
      {family + family + "a", false},
      {"\u1112\u1161\u11AB\u1112\u1161\u11AB\u1112\u1161\u11AB\u1112\u1161\u11AB",
       true},  // four syllables, twelve Jamo
      {"a\u202Eb", false},
      {"a\u0007b", false},
      {"a\u2028b", false},
      {"a\xFF", false},
      {std::string("a\0b", 3), false},
  };
  for (const auto& [name, good] : names) {
    CAPTURE(name);
    CHECK(join_fields(name, "ab@example.org", "secret") ==
          (good ? std::vector<std::string>{} : std::vector<std::string>{"name"}));
  }
}

TEST_CASE("e-mails follow the original pattern", "[domain][user]") {
  const std::string long_one = std::string(38, 'a') + "@example.org";
  REQUIRE(long_one.size() == 50);
  const std::vector<std::pair<std::string, bool>> emails = {
      {"a@b.c", true},
      {"A.b-c+d~e_f@G-h~i_j.k.l", true},
      {".@b.c", true},
      {long_one, true},
      {"a" + long_one, false},
      {"@b.c", false},
      {"ab@cd", false},
      {"a@.c", false},
      {"a@b.", false},
      {"a@b..c", false},
      {"a@b+c.d", false},
      {"a@@b.c", false},
      {"a@b.c@d.e", false},
      {"a b@c.d", false},
      {"a@b.c\n", false},
      {" a@b.c", false},
      {"가@b.c", false},
      {"a@가.c", false},
      {"", false},
      {"abc", false},
      {"<a@b.c>", false},
      {std::string("a@b.c\0", 6), false},
  };
  for (const auto& [email, good] : emails) {
    CAPTURE(email);
    CHECK(join_fields("name", email, "secret") ==
          (good ? std::vector<std::string>{} : std::vector<std::string>{"principal"}));
  }
  CHECK(is_email("a@b.c"));
  CHECK_FALSE(is_email("a.b.c"));
}

TEST_CASE("passwords have 4 to 128 characters", "[domain][user]") {
  const std::vector<std::pair<std::string, bool>> passwords = {
      {"abc", false},
      {"abcd", true},
      {std::string(128, 'x'), true},
      {std::string(129, 'x'), false},
      {"😀😀😀", false},
      {"😀😀😀😀", true},
      {std::string("ab\0cd", 5), false},
      {"abc\xFF"
       "de",
       false},
  };
  for (const auto& [password, good] : passwords) {
    CAPTURE(password);
    CHECK(join_fields("name", "a@b.c", password) ==
          (good ? std::vector<std::string>{} : std::vector<std::string>{"credentials"}));
  }
  CHECK(join_fields("", "", "") == std::vector<std::string>{"name", "principal", "credentials"});
}

TEST_CASE("joining makes an account, its e-mail row and its generation row", "[domain][user]") {
  const command c = join{"  \u1112\u1161\u11AB\u1100\u1173\u11AF ", "An.Na@Example.org", "hash", 99};
  CHECK(user_aggregate::needs_id(c));
  CHECK(user_aggregate::unique_key(c) == "an.na@example.org");
  CHECK(keys_for<user_aggregate>(c, context_of(64, 0)) ==
        std::vector<row_key>{{table::email, 0, 0, "an.na@example.org"}});

  const auto decided = user_aggregate::decide({}, found(std::nullopt), context_of(64, 0), c);
  REQUIRE(decided);
  REQUIRE(decided->events.size() == 1);
  CHECK_FALSE(decided->child);
  state after;
  user_aggregate::apply(after, decided->events[0]);
  CHECK(after.seq == 64);
  CHECK(after.name == "한글");
  CHECK(after.email == "An.Na@Example.org");
  CHECK(after.password_hash == "hash");
  CHECK(after.generation == 99);
  CHECK(after.login_count == 0);
  CHECK_FALSE(after.last_login_at);
  CHECK(after.created_at == noon + 1);

  const auto rows = rows_of<user_aggregate>(decided->events[0], after);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].key == row_key{table::email, 0, 0, "an.na@example.org"});
  CHECK(decode_record<email_row>(*rows[0].value).value().user == 64);
  CHECK(rows[1].key == row_key{table::generation, 64, 0, {}});
  CHECK(decode_record<generation_row>(*rows[1].value).value().generation == 99);

  const auto view = std::get<account_view>(user_aggregate::answer(after, found(std::nullopt), context_of(64, 0), c));
  CHECK(view.seq == 64);
  CHECK(view.name == "한글");
  CHECK(view.generation == 99);
}

TEST_CASE("joining is refused", "[domain][user]") {
  const auto decide = [](const state& s, const facts& f, id_t self, join c) {
    const auto decided = user_aggregate::decide(s, f, context_of(self, 0), command(std::move(c)));
    REQUIRE_FALSE(decided);
    return decided.error();
  };
  const auto taken = found(email_row{7});
  CHECK(decide({}, taken, 64, {"anna", "a@b.c", "hash", 1}).code == error_code::email_taken);
  // Invalid input is said before the conflict, all of it at once.
  const auto invalid = decide({}, taken, 64, {"", "a", "hash", 1});
  CHECK(invalid.code == error_code::invalid_input);
  CHECK(fields_of(invalid) == std::vector<std::string>{"name", "principal"});
  CHECK(decide(member(64, "anna"), found(std::nullopt), 64, {"anna", "a@b.c", "hash", 1}).code == error_code::internal);
  CHECK(decide({}, found(std::nullopt), 0, {"anna", "a@b.c", "hash", 1}).code == error_code::internal);
  CHECK(decide({}, found(std::nullopt), 64, {"anna", "a@b.c", "", 1}).code == error_code::internal);
}

TEST_CASE("a sign-in counts only for the hash that was verified", "[domain][user]") {
  const auto decide = [](const state& s, const std::string& hash) {
    return user_aggregate::decide(s, {}, context_of(s.seq, 0), record_sign_in{hash});
  };
  for (const auto& refused :
       {decide({}, ""), decide({}, "x"), decide(member(1, "anna"), "hash of bo"), decide(member(1, "anna"), "")}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == error_code::bad_credential);
  }
  auto s = member(1, "anna");
  for (std::uint64_t times = 1; times <= 3; ++times) {
    const auto decided = decide(s, "hash of anna");
    REQUIRE(decided);
    REQUIRE(decided->events.size() == 1);
    user_aggregate::apply(s, decided->events[0]);
    CHECK(rows_of<user_aggregate>(decided->events[0], s).empty());
    CHECK(s.login_count == times);
    CHECK(s.last_login_at == noon + 1);
  }
  const auto view =
      std::get<account_view>(user_aggregate::answer(s, {}, context_of(1, 0), record_sign_in{"hash of anna"}));
  CHECK(view.login_count == 3);
  CHECK(view.last_login_at == noon + 1);
  CHECK_FALSE(user_aggregate::needs_id(record_sign_in{}));
  CHECK(user_aggregate::unique_key(record_sign_in{}).empty());
}

TEST_CASE("asking for a connection", "[domain][user]") {
  const command c = request_connection{person_of(2, "bo")};
  const auto context = context_of(1, 2);
  CHECK(keys_for<user_aggregate>(c, context) == std::vector<row_key>{{table::connection, 1, 2, {}}});
  const auto anna = member(1, "anna");

  const auto answered = [&](const facts& f) {
    return std::get<connection_view>(user_aggregate::answer(anna, f, context, c)).state;
  };
  for (const auto& f : {found(std::nullopt), found(row_of(connection_state::none, 2))}) {
    const auto decided = user_aggregate::decide(anna, f, context, c);
    REQUIRE(decided);
    REQUIRE(decided->events.size() == 1);
    CHECK(answered(f) == connection_state::requested);
    const auto rows = rows_of<user_aggregate>(decided->events[0], anna);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].key == row_key{table::connection, 1, 2, {}});
    const auto row = decode_record<connection_row>(*rows[0].value).value();
    CHECK(row.state == connection_state::requested);
    CHECK(row.caller == person_of(2, "bo"));
    CHECK(row.requested_at == noon + 1);
    CHECK_FALSE(row.granted_at);
  }
  for (const auto present : {connection_state::requested, connection_state::granted}) {
    const auto f = found(row_of(present, 2));
    const auto decided = user_aggregate::decide(anna, f, context, c);
    REQUIRE(decided);
    CHECK(decided->events.empty());
    CHECK(answered(f) == present);
  }
  const auto view = std::get<connection_view>(user_aggregate::answer(anna, found(std::nullopt), context, c));
  CHECK(view.user_id == 2);
  CHECK(view.target_id == 1);
}

TEST_CASE("asking is refused", "[domain][user]") {
  const auto refusal = [](const state& s, id_t self, id_t caller, id_t person) {
    const auto decided = user_aggregate::decide(s, found(std::nullopt), context_of(self, caller),
                                                request_connection{person_of(person, "bo")});
    REQUIRE_FALSE(decided);
    return decided.error();
  };
  const auto own = refusal(member(2, "bo"), 2, 2, 2);
  CHECK(own.code == error_code::invalid_input);
  CHECK(fields_of(own) == std::vector<std::string>{"targetId"});
  CHECK(refusal({}, 2, 2, 2).code == error_code::invalid_input);  // before anything is looked for
  CHECK(refusal({}, 1, 2, 2).code == error_code::user_not_found);
  CHECK(refusal(member(1, "anna"), 1, 2, 3).code == error_code::internal);
  CHECK(refusal(member(1, "anna"), 1, 0, 0).code == error_code::internal);
}

TEST_CASE("granting a connection", "[domain][user]") {
  const command c = grant_connection{2};
  const auto context = context_of(1, 1);
  const auto anna = member(1, "anna");
  CHECK(keys_for<user_aggregate>(c, context) == std::vector<row_key>{{table::connection, 1, 2, {}}});

  const auto f = found(row_of(connection_state::requested, 2));
  const auto decided = user_aggregate::decide(anna, f, context, c);
  REQUIRE(decided);
  REQUIRE(decided->events.size() == 1);
  const auto& granted = std::get<connection_granted>(decided->events[0]);
  CHECK(granted.owner == anna.as_person());
  CHECK(granted.caller == person_of(2, "bo"));
  const auto rows = rows_of<user_aggregate>(decided->events[0], anna);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key == row_key{table::connection, 1, 2, {}});
  const auto row = decode_record<connection_row>(*rows[0].value).value();
  CHECK(row.state == connection_state::granted);
  CHECK(row.requested_at == noon);
  CHECK(row.granted_at == noon + 1);
  const auto view = std::get<connection_view>(user_aggregate::answer(anna, f, context, c));
  CHECK(view.user_id == 2);
  CHECK(view.target_id == 1);
  CHECK(view.state == connection_state::granted);

  const auto again = user_aggregate::decide(anna, found(row_of(connection_state::granted, 2)), context, c);
  REQUIRE(again);
  CHECK(again->events.empty());
}

TEST_CASE("granting is refused", "[domain][user]") {
  const auto refusal = [](const state& s, const facts& f, id_t self, id_t caller, id_t asked) {
    const auto decided = user_aggregate::decide(s, f, context_of(self, caller), grant_connection{asked});
    REQUIRE_FALSE(decided);
    return decided.error();
  };
  const auto anna = member(1, "anna");
  const auto asked = found(row_of(connection_state::requested, 2));
  const auto own = refusal(anna, found(std::nullopt), 1, 1, 1);
  CHECK(own.code == error_code::invalid_input);
  CHECK(fields_of(own) == std::vector<std::string>{"userId"});
  CHECK(refusal(anna, asked, 1, 3, 2).code == error_code::forbidden);
  CHECK(refusal({}, asked, 1, 1, 2).code == error_code::user_not_found);
  CHECK(refusal(anna, found(std::nullopt), 1, 1, 2).code == error_code::connection_not_found);
  CHECK(refusal(anna, found(row_of(connection_state::none, 2)), 1, 1, 2).code == error_code::connection_not_found);
  CHECK(refusal(anna, found(row_of(static_cast<connection_state>(9), 2)), 1, 1, 2).code == error_code::internal);
}

TEST_CASE("a damaged row is never decided upon", "[domain][user]") {
  const facts damaged({std::string("\x01\xFF", 2)});
  CHECK_THROWS_AS(user_aggregate::decide({}, damaged, context_of(64, 0), joining("anna", "a@b.c")), std::runtime_error);
}

TEST_CASE("what an operator sees of a user holds no secrets", "[domain][user]") {
  auto s = member(1, "anna");
  s.generation = 987'654'321;
  const auto shown = user_aggregate::redacted(s);
  CHECK(shown ==
        R"({"seq":1,"name":"anna","email":"anna@example.org","loginCount":0,"createAt":"2026-11-23T16:00:00.000Z"})");
  s.last_login_at = noon;
  s.profile_image_url = "/api/images/x";
  CHECK(user_aggregate::redacted(s).find(R"("lastLoginAt":"2026-11-23T16:00:00.000Z")") != std::string::npos);
  CHECK(user_aggregate::redacted(s).find("hash of") == std::string::npos);
  CHECK(user_aggregate::redacted(s).find("987654321") == std::string::npos);
}

}  // namespace social::domain::test
