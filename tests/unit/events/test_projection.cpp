#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "actors/events/projection.hpp"
#include "tests/support/catch.hpp"

namespace social::events::test {
namespace {

using namespace domain;

const person ann{65, "Ann", "ann@example.org", "/a.png"};
const person bob{130, "Bob", "bob@example.org", {}};

std::string text(const protocol::push_event_body& body) {
  const auto n = [](auto number) { return std::to_string(number); };
  struct writer {
    decltype(n) number;
    std::string operator()(const protocol::user_joined& e) const { return number(e.user_id) + " " + e.name; }
    std::string operator()(const protocol::post_liked& e) const {
      return number(e.post_id) + " " + number(e.post_writer_id) + " " + number(e.user_id) + " " + e.name + " " +
             e.contents;
    }
    std::string operator()(const protocol::comment_created& e) const {
      return number(e.post_id) + " " + number(e.post_writer_id) + " " + number(e.comment_id) + " " + number(e.user_id) +
             " " + e.commenter_name + " " + e.contents;
    }
    std::string operator()(const protocol::connection_requested& e) const {
      return number(e.user_id) + " " + number(e.target_id) + " " + e.name;
    }
    std::string operator()(const protocol::connection_granted& e) const {
      return number(e.user_id) + " " + number(e.target_id) + " " + e.name;
    }
  };
  return std::visit(writer{n}, body);
}

ports::journal_record every_event() {
  user::state account{65, "Ann", "ann@example.org", "secret hash", 9, {}, 0, {}, 1'000};
  post::state written{129, ann, "what Ann wrote", 1'000, {}, {}};
  comment::state said{193, 129, 65, bob, "what Bob said", 2'000, {}};
  ports::journal_record record{1, 40, 1'795'449'600'123, "00-trace-01", {}};
  record.events.push_back(encode_event<user_aggregate>(65, user::user_joined{account}));
  record.events.push_back(encode_event<user_aggregate>(65, user::signed_in{1}));
  record.events.push_back(encode_event<user_aggregate>(65, user::connection_requested{65, bob, 1}));
  record.events.push_back(encode_event<user_aggregate>(65, user::connection_granted{ann, bob, 1, 2}));
  record.events.push_back(encode_event<post_aggregate>(129, post::post_created{written}));
  record.events.push_back(encode_event<post_aggregate>(129, post::post_liked{129, 65, bob, "what Ann", 3}));
  record.events.push_back(encode_event<post_aggregate>(129, post::comment_added{129, 193, 4}));
  record.events.push_back(encode_event<post_aggregate>(129, post::post_viewed{129, 65, 2, 5}));
  record.events.push_back(
      encode_event<comment_aggregate>(193, comment::comment_created{said, ann, comment::account_history{}}));
  return record;
}

TEST_CASE("every type of event is projected as it always was", "[events]") {
  std::vector<protocol::push_event> out;
  REQUIRE(project_for_push(every_event(), "/store/x", out));
  std::vector<std::string> lines;
  for (const auto& event : out) {
    CHECK(event.source == "/store/x");
    CHECK(event.time == 1'795'449'600'123);
    CHECK(event.trace == "00-trace-01");
    lines.push_back(event.id + " " + std::string(event.type()) + " " + text(event.body));
  }
  CHECK(lines == std::vector<std::string>{
                     "1-40 user-joined 65 Ann",
                     "1-42 connection-requested 130 65 Bob",
                     "1-43 connection-granted 65 130 Ann",
                     "1-45 post-liked 129 65 130 Bob what Ann",
                     "1-48 comment-created 129 65 193 130 Bob what Bob said",
                 });
}

TEST_CASE("no secret and no e-mail leaves the journal", "[events]") {
  std::vector<protocol::push_event> out;
  REQUIRE(project_for_push(every_event(), "/store/x", out));
  for (const auto& event : out) {
    CHECK(text(event.body).find("secret") == std::string::npos);
    CHECK(text(event.body).find('@') == std::string::npos);
  }
}

TEST_CASE("an event that cannot be read names shard and sequence", "[events]") {
  auto record = every_event();
  std::vector<protocol::push_event> out;
  SECTION("damaged bytes") {
    record.events[2].bytes = "\x63nonsense";
  }
  SECTION("a type nobody knows") {
    record.events[2].type = 999;
  }
  const auto outcome = project_for_push(record, "/store/x", out);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == error_code::corrupt_record);
  CHECK(outcome.error().text().find("1-42") != std::string::npos);
}

TEST_CASE("kinds that are nobody's business outside are left out", "[events]") {
  ports::journal_record record{1, 1, 0, "", {{aggregate_kind::subscription, 5, 1, "bytes"}}};
  std::vector<protocol::push_event> out;
  CHECK(project_for_push(record, "/store/x", out));
  CHECK(out.empty());
}

}  // namespace
}  // namespace social::events::test
