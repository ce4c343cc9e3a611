#include <algorithm>

#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "actors/kafka/api/publication.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/golden.hpp"

namespace social::kafka::test {
namespace {

using namespace domain;
using social::test::golden;

constexpr std::string_view trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr timestamp_t joined = 1'795'449'600'000;
const person ann{65, "안나", "ann@example.org", "/a.png"};
const person bob{130, "Bob", "bob@example.org", {}};
const comment::state said{193, 129, 65, bob, "\"좋아요\"\n😀", joined + 7'000, {}};

user::state account() {
  return {65, "안나", "ann@example.org", "secret hash", 987'654'321, "/a.png", 3, joined + 1, joined};
}

/// A record of shard 1 whose first event is 1-40.
ports::journal_record record_of(std::vector<encoded_event> events, std::string_view with_trace = trace) {
  return {1, 40, joined + 9'123, std::string(with_trace), std::move(events)};
}

publications published(const ports::journal_record& from, const topic_formats& formats = {}) {
  publications out;
  REQUIRE(publish_domain_events("/social-server/5f0c", formats)(from, out));
  return out;
}

record only(encoded_event event) {
  const auto out = published(record_of({std::move(event)}));
  REQUIRE(out.size() == 1);
  CHECK(out[0].sequence == 40);
  return out[0].what;
}

/// As the golden files have it: a line each for the topic, the key, every header in its order, and the value.
std::string shown(const record& r) {
  CHECK(r.partition == -1);
  std::string text = "topic: " + r.topic + "\nkey: " + r.key.value() + "\n";
  for (const auto& [name, value] : r.headers) text += name + ": " + value.value() + "\n";
  return text + "value: " + r.value.value() + "\n";
}

encoded_event commented() {
  return encode_event<comment_aggregate>(
      193, comment::comment_created{said, ann, comment::account_history{3, joined + 1, joined}});
}

/// What has a topic, by the name of its golden file.
std::vector<std::pair<std::string, encoded_event>> published_types() {
  const post::state written{129, ann, "첫 글\t\\o/", joined + 5, {}, {}};
  return {
      {"user-joined", encode_event<user_aggregate>(65, user::user_joined{account()})},
      {"post-created", encode_event<post_aggregate>(129, post::post_created{written})},
      {"post-viewed", encode_event<post_aggregate>(129, post::post_viewed{129, 65, 12, joined})},
      {"post-liked", encode_event<post_aggregate>(129, post::post_liked{129, 65, bob, "첫 글", joined})},
      {"comment-created", commented()},
      {"connection-requested", encode_event<user_aggregate>(65, user::connection_requested{65, bob, joined})},
      {"connection-granted", encode_event<user_aggregate>(65, user::connection_granted{ann, bob, joined, joined})},
  };
}

}  // namespace

TEST_CASE("each type of event has these bytes in Kafka", "[kafka][golden]") {
  for (const auto& [type, event] : published_types()) {
    CAPTURE(type);
    CHECK(shown(only(event)) == golden("kafka/" + type + ".txt"));
  }
}

TEST_CASE("nothing private leaves the journal", "[kafka]") {
  for (const auto& [type, event] : published_types()) {
    CAPTURE(type);
    const auto text = shown(only(event));
    CHECK(text.find("secret") == std::string::npos);
    CHECK(text.find("987654321") == std::string::npos);
    if (type != "comment-created") CHECK(text.find('@') == std::string::npos);
  }
}

TEST_CASE("events without a topic become nothing, and leave their numbers free", "[kafka]") {
  const auto out = published(record_of({
      encode_event<user_aggregate>(65, user::signed_in{1}),
      encode_event<post_aggregate>(129, post::comment_added{129, 193, 4}),
      commented(),
      {aggregate_kind::subscription, 5, 1, "bytes"},
      commented(),
  }));
  REQUIRE(out.size() == 2);
  CHECK(out[0].sequence == 42);
  CHECK(*out[0].what.find("ce_id") == "1-42");
  CHECK(out[1].sequence == 44);
  CHECK(*out[1].what.find("ce_id") == "1-44");
}

TEST_CASE("publishing again gives the same bytes", "[kafka]") {
  CHECK(shown(only(commented())) == shown(only(commented())));
}

TEST_CASE("a comment of version 1 does not know the account of the post's writer", "[kafka]") {
  std::string bytes(1, '\x01');
  record_writer writer(bytes);
  auto comment = said;
  auto owner = ann;
  writer(comment, owner);
  const auto value = only({aggregate_kind::comment, 193, 1, bytes}).value.value();
  CHECK(value.find(R"("postWriter":{"seq":65,"name":"안나","email":{"address":"ann@example.org"},)"
                   R"("profileImageUrl":"/a.png","loginCount":0,"createAt":"2026-11-23T16:00:07.000Z"},)") !=
        std::string::npos);
}

TEST_CASE("what is unknown of people is left out", "[kafka]") {
  const auto value = only(encode_event<comment_aggregate>(
                              193, comment::comment_created{said, bob, comment::account_history{0, {}, joined}}))
                         .value.value();
  CHECK(value.find("profileImageUrl") == std::string::npos);
  CHECK(value.find("lastLoginAt") == std::string::npos);
}

TEST_CASE("a request without a trace gives no traceparent", "[kafka]") {
  const auto out = published(record_of({commented()}, ""));
  REQUIRE(out.size() == 1);
  CHECK(out[0].what.find("traceparent") == nullptr);
}

TEST_CASE("a topic may have a wrapping and a type id of its own", "[kafka]") {
  const topic_formats formats = {{"v1.event.user-joined", {value_codec::json_string, "java.lang.String"}}};
  const auto [type, event] = published_types().front();
  const auto out = published(record_of({event, commented()}), formats);
  REQUIRE(out.size() == 2);
  CHECK(out[0].what.value == R"("{\"userId\":65,\"name\":\"안나\"}")");
  CHECK(*out[0].what.find("__TypeId__") == "java.lang.String");
  CHECK(out[1].what.find("__TypeId__") == nullptr);
  CHECK(out[1].what.value->starts_with("{"));
}

TEST_CASE("a list that is filled again keeps nothing of what it held", "[kafka]") {
  const topic_formats formats{{"v1.event.user-joined", {value_codec::json_string, "java.lang.String"}}};
  const auto publish = publish_domain_events("/social-server/5f0c", formats);
  const auto [type, joining] = published_types().front();
  publications reused;
  REQUIRE(publish(record_of({joining, commented()}), reused));
  reused[0].what.partition = 7;
  for (const auto& [name, event] : published_types()) {
    INFO(name);
    const auto from = record_of({event}, "");
    publications fresh;
    REQUIRE(publish(from, fresh));
    reused.clear();
    REQUIRE(publish(from, reused));
    REQUIRE(reused.size() == 1);
    CHECK(reused[0].what == fresh[0].what);
  }
}

TEST_CASE("a list filled again with the same topics, traced or not, holds what a fresh one holds", "[kafka]") {
  const topic_formats formats{{"v1.event.user-joined", {value_codec::json_string, "java.lang.String"}}};
  const auto publish = publish_domain_events("/social-server/5f0c", formats);
  std::vector<encoded_event> events;
  for (auto& [type, event] : published_types()) events.push_back(std::move(event));
  const auto first = events;
  publications reused;
  for (const auto* const with_trace : {"", trace.data(), trace.data(), "00-1-1-00", "", ""}) {
    CAPTURE(with_trace);
    auto from = record_of(events, with_trace);
    from.first_sequence = 40'000'000;
    publications fresh;
    REQUIRE(publish(from, fresh));
    reused.clear();
    REQUIRE(publish(record_of(first, with_trace), reused));
    reused.clear();
    REQUIRE(publish(from, reused));
    REQUIRE(reused.size() == fresh.size());
    for (std::size_t i = 0; i < fresh.size(); ++i) CHECK(reused[i].what == fresh[i].what);
    // Another topic in most places of the list.
    std::ranges::rotate(events, events.begin() + 3);
  }
}

TEST_CASE("a publication that is not kept was never there", "[kafka]") {
  publications list;
  list.next().sequence = 1;
  CHECK(list.empty());
  list.push_back({2, {}});
  list.next().sequence = 3;
  list.keep();
  REQUIRE(list.size() == 2);
  CHECK(list[0].sequence == 2);
  CHECK(list.at(1).sequence == 3);
  CHECK_THROWS_AS(list.at(2), std::out_of_range);
  list.clear();
  CHECK(list.begin() == list.end());
}

TEST_CASE("an event that cannot be read is named, and the others are published", "[kafka]") {
  auto damaged = commented();
  SECTION("damaged bytes") {
    damaged.bytes = "\x63nonsense";
  }
  SECTION("a type nobody knows") {
    damaged.type = 999;
  }
  publications out;
  const auto outcome =
      publish_domain_events("/source", {})(record_of({commented(), damaged, damaged, commented()}), out);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == error_code::corrupt_record);
  CHECK(outcome.error().text().find("1-41") != std::string::npos);
  REQUIRE(out.size() == 2);
  CHECK(out[0].sequence == 40);
  CHECK(out[1].sequence == 43);
}

}  // namespace social::kafka::test
