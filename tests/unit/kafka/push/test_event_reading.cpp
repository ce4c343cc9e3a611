#include "actors/base/text.hpp"
#include "actors/kafka/push/event_reading.hpp"
#include "actors/kafka/topics.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka::test {
namespace {

using namespace protocol;

received from(std::string_view topic, std::optional<std::string> value) {
  received r;
  r.content.topic = topic;
  r.content.partition = 2;
  r.content.value = std::move(value);
  r.offset = 41;
  r.time = 1'700'000'000'000;
  return r;
}

template <class Body>
Body body_of(const received& record) {
  const auto event = read_event(record);
  REQUIRE(event);
  return std::get<Body>(event->body);
}

std::vector<std::string> wrong_fields(const received& record) {
  const auto event = read_event(record);
  REQUIRE_FALSE(event);
  CHECK(event.error().code == error_code::invalid_input);
  std::vector<std::string> out;
  for (const auto& [field, reason] : event.error().fields) {
    CHECK_FALSE(reason.empty());
    out.push_back(field);
  }
  return out;
}

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("our own events are read back", "[kafka]") {
  auto record = from(topic::comment_created,
                     R"({"postId":129,"userId":130,"commentId":192,"postWriter":{"seq":65,"name":"안나"},)"
                     R"("commentWriter":{"seq":130,"name":"Bob","email":{"address":"b@x.y"}},"contents":"hi"})");
  record.content.headers = {{"ce_specversion", "1.0"},
                            {"ce_id", "1-7"},
                            {"ce_source", "/social-server/abc"},
                            {"ce_time", "2026-11-23T16:00:09.123Z"},
                            {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
  const auto event = read_event(record).value();
  CHECK(event.id == "1-7");
  CHECK(event.source == "/social-server/abc");
  CHECK(to_iso8601(event.time) == "2026-11-23T16:00:09.123Z");
  CHECK(event.trace == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  CHECK(event.type() == "comment-created");
  const auto& comment = std::get<comment_created>(event.body);
  CHECK(comment.post_id == 129);
  CHECK(comment.post_writer_id == 65);
  CHECK(comment.comment_id == 192);
  CHECK(comment.user_id == 130);
  CHECK(comment.commenter_name == "Bob");
  CHECK(comment.contents == "hi");

  const auto liked = body_of<post_liked>(
      from(topic::post_liked, R"({"postId":1,"postWriterId":2,"userId":3,"name":"n","contents":"c"})"));
  CHECK(liked.post_id == 1);
  CHECK(liked.post_writer_id == 2);
  CHECK(liked.user_id == 3);
  CHECK(liked.name == "n");
  CHECK(liked.contents == "c");
  const auto joined = body_of<user_joined>(from(topic::user_joined, R"({"userId":3,"name":"n"})"));
  CHECK(joined.user_id == 3);
  CHECK(joined.name == "n");
  const auto asked =
      body_of<connection_requested>(from(topic::connection_requested, R"({"userId":3,"targetId":4,"name":"n"})"));
  CHECK(asked.user_id == 3);
  CHECK(asked.target_id == 4);
  const auto granted =
      body_of<connection_granted>(from(topic::connection_granted, R"({"userId":3,"targetId":4,"name":"n"})"));
  CHECK(granted.target_id == 4);
  CHECK(granted.name == "n");
}

TEST_CASE("a foreign comment needs no more than whom it is for and who wrote it", "[kafka]") {
  for (const auto* value : {R"({"postWriter":{"seq":65},"commentWriter":{"name":"Bob"}})",
                            R"({"postWriterId":"65","commentWriter":{"name":"Bob"},"other":{"x":[1]}})",
                            R"({"postWriterId":65,"commentWriter":{"name":"Bob"},"postId":null,"userId":null})"}) {
    CAPTURE(value);
    const auto event = read_event(from(topic::comment_created, value)).value();
    CHECK(event.id == "v1.event.comment-created/2/41");
    CHECK(event.source == "kafka");
    CHECK(event.time == 1'700'000'000'000);
    CHECK(event.trace.empty());
    const auto& comment = std::get<comment_created>(event.body);
    CHECK(comment.post_writer_id == 65);
    CHECK(comment.commenter_name == "Bob");
    CHECK(comment.post_id == 0);
    CHECK(comment.user_id == 0);
    CHECK(comment.contents.empty());
  }
  // Who commented may stand at the writer, as Spring's event has it.
  const auto comment = body_of<comment_created>(from(
      topic::comment_created, R"("{\"postWriter\":{\"seq\":65},\"commentWriter\":{\"seq\":\"130\",\"name\":\"B\"}}")"));
  CHECK(comment.user_id == 130);
}

TEST_CASE("what a message needs is poison when it is missing or wrong, and every field is named", "[kafka]") {
  CHECK(wrong_fields(from(topic::comment_created, "{}")) == names{"postWriter.seq", "commentWriter.name"});
  CHECK(wrong_fields(from(topic::comment_created, R"({"postWriter":65,"commentWriter":{"name":" "}})")) ==
        names{"postWriter.seq", "commentWriter.name"});
  CHECK(wrong_fields(from(topic::post_liked, R"({"name":7})")) == names{"postId", "postWriterId", "name"});
  CHECK(wrong_fields(from(topic::user_joined, R"({"name":"n"})")) == names{"userId"});
  CHECK(wrong_fields(from(topic::connection_requested, "{}")) == names{"userId", "targetId", "name"});
  CHECK(wrong_fields(from(topic::connection_granted, "{}")) == names{"userId", "targetId", "name"});
  for (const auto* id : {"0", "-1", "1.5", "1.0", "true", "\"\"", "\"-1\"", "\"1.0\"", "\" 1\"", "9007199254740992",
                         "\"9007199254740992\"", "{}", "[1]"}) {
    CAPTURE(id);
    const auto joined = std::string(R"({"name":"n","userId":)") + id + "}";
    CHECK(wrong_fields(from(topic::user_joined, joined)) == names{"userId"});
    // One that could be missing is still no id.
    const auto comment = std::string(R"({"postWriterId":1,"commentWriter":{"name":"n"},"commentId":)") + id + "}";
    CHECK(wrong_fields(from(topic::comment_created, comment)) == names{"commentId"});
  }
  CHECK(body_of<user_joined>(from(topic::user_joined, R"({"name":"n","userId":9007199254740991})")).user_id == max_id);
}

TEST_CASE("what is no JSON object is poison", "[kafka]") {
  for (const auto& value : std::initializer_list<std::optional<std::string>>{
           std::nullopt, "", "{", "[]", "7", "null", "\"{\"", "{\"userId\":1,\"userId\":2,\"name\":\"n\"}", "\xFF"}) {
    CAPTURE(value.value_or("(null)"));
    const auto event = read_event(from(topic::user_joined, value));
    REQUIRE_FALSE(event);
    CHECK(event.error().code == error_code::malformed_json);
  }
  CHECK_FALSE(read_event(from("v1.event.post-created", R"({"postId":1})")));
}

TEST_CASE("long texts are cut, long names of events are poison", "[kafka]") {
  std::string name;
  for (int i = 0; i < 5'000; ++i) name += "가";
  const auto joined = body_of<user_joined>(from(topic::user_joined, R"({"userId":1,"name":")" + name + "\"}"));
  CHECK(code_points(joined.name) == name_code_points_max);
  CHECK(is_valid_utf8(joined.name));
  const auto liked = body_of<post_liked>(
      from(topic::post_liked, R"({"postId":1,"postWriterId":2,"name":"n","contents":")" + name + "\"}"));
  CHECK(code_points(liked.contents) == contents_code_points_max);

  auto record = from(topic::user_joined, R"({"userId":1,"name":"n"})");
  record.content.headers = {{"ce_id", std::string(event_name_bytes_max, 'x')}};
  CHECK(read_event(record)->id.size() == event_name_bytes_max);
  record.content.headers = {{"ce_id", std::string(event_name_bytes_max + 1, 'x')}, {"ce_source", "a\nb"}};
  CHECK(wrong_fields(record) == names{"ce_id", "ce_source"});
  record.content.headers = {{"ce_id", "\xFF\xFE"}};
  CHECK(wrong_fields(record) == names{"ce_id"});
  record.content.headers = {{"ce_id", ""}, {"ce_source", std::nullopt}};
  CHECK(read_event(record)->id == "v1.event.user-joined/2/41");
  CHECK(read_event(record)->source == "kafka");
}

TEST_CASE("a time that is none gives way to the record's", "[kafka]") {
  auto record = from(topic::user_joined, R"({"userId":1,"name":"n"})");
  const auto time_with = [&](std::string text) {
    record.content.headers = {{"ce_time", std::move(text)}};
    return read_event(record)->time;
  };
  CHECK(time_with("2023-11-14T22:13:21+00:00") == 1'700'000'001'000);
  CHECK(time_with("2023-11-15T07:13:21.0019+09:00") == 1'700'000'001'001);
  CHECK(time_with("yesterday") == record.time);
  CHECK(time_with("") == record.time);
  record.time = -1;
  CHECK(time_with("") == 0);
  record.content.headers = {{"traceparent", "no trace"}};
  CHECK(read_event(record)->trace.empty());
}

}  // namespace social::kafka::test
