#include <sstream>

#include "actors/push/locale.hpp"
#include "actors/push/payload.hpp"
#include "actors/push/texts.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/golden.hpp"

namespace social::push {
namespace {

using namespace protocol;

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

const std::vector<push_event_body>& every_body() {
  static const std::vector<push_event_body> bodies = {
      user_joined{7, "지수"},
      post_liked{130, 66, 7, "지수", "오늘 날씨가 \"좋아요\"\n산책 갑시다"},
      comment_created{130, 66, 500, 7, "지수", "정말 그렇네요"},
      connection_requested{7, 66, "Kim"},
      connection_granted{7, 66, "Kim"},
  };
  return bodies;
}

std::string all_texts() {
  std::ostringstream out;
  for (const auto& body : every_body())
    for (const auto* locale : {"ko", "en"})
      for (const std::uint64_t others : {0, 3}) {
        const auto t = compose(body, locale, others);
        out << locale << "|" << others << "|" << t.title << "|" << t.body << "|" << t.click_target << "|" << t.tag
            << "|" << to_string(t.urgency) << "\n";
      }
  return out.str();
}

}  // namespace

TEST_CASE("every notification reads as the golden file says") {
  CHECK(all_texts() == test::golden("push/texts.txt"));
}

TEST_CASE("the console line is what the golden file holds, byte for byte") {
  std::string lines;
  for (const auto& body : every_body()) lines += console_line("https://push.example.net/abc", compose_console(body));
  lines += console_line("https://push.example.net/abc", compose_console(every_body()[0], 2));
  CHECK(lines == test::golden("push/console.txt"));
}

TEST_CASE("a comment on the console says it was commented, whatever the name ends in") {
  CHECK(compose_console(comment_created{1, 2, 3, 4, "정민", "x"}) == "정민가 코멘트를 달았습니다.");
}

TEST_CASE("a console text is one line, whatever the post holds") {
  CHECK(compose_console(post_liked{1, 2, 3, "n", "a\r\nb\tc"}) == "a  b c");
  CHECK(compose_console(post_liked{1, 2, 3, "n", ""}) == "n님이 좋아합니다.");
}

TEST_CASE("an excerpt has 120 characters, not bytes") {
  CHECK(compose(comment_created{1, 2, 3, 4, "n", repeated("가", 121)}, "ko").body == repeated("가", 120));
  CHECK(compose(comment_created{1, 2, 3, 4, "n", repeated("😀", 120)}, "ko").body == repeated("😀", 120));
}

TEST_CASE("the payload is what service workers read, in this order") {
  const auto t = compose(every_body()[2], "ko");
  payload_fields f{t.title,           t.body, t.click_target, t.tag, "ko", "https://social.example", "3-17",
                   "comment-created", 0};
  f.created_at = 1'700'000'000'123;
  CHECK(make_payload(f, 3052) + "\n" == test::golden("push/payload.json"));
}

TEST_CASE("a payload that is too long is shortened between characters, never left out") {
  const auto longest = repeated("가\"\n", 2000);
  const payload_fields f{longest, longest, "/friends/1/posts/2", "post-2-comments", "ko", "", longest, "post-liked", 0};
  for (const std::size_t limit : {400U, 512U, 1024U, 3052U}) {
    const auto text = make_payload(f, limit);
    CHECK(text.size() <= limit);
    const auto json = nlohmann::json::parse(text);  // throws on a cut character
    CHECK(json.at("clickTarget") == "/friends/1/posts/2");
    CHECK(json.at("title") == json.at("notification").at("title"));
    CHECK(json.at("message") == json.at("notification").at("body"));
  }
  CHECK(make_payload(f, 3052).size() > 3052 - 40);
}

TEST_CASE("topics have 32 characters and follow from event or tag alone") {
  const auto topic = topic_of_event("store", "3-17");
  CHECK(topic.size() == 32);
  CHECK(topic.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  CHECK(topic == topic_of_event("store", "3-17"));
  CHECK(topic != topic_of_event("other", "3-17"));
  CHECK(topic_of_tag("joined") == topic_of_tag("joined"));
  CHECK(topic_of_tag("joined") != topic_of_tag("post-1-likes"));
}

TEST_CASE("the device's language") {
  struct row {
    const char* field;
    const char* header;
    const char* chosen;
  };
  for (const auto& r : std::initializer_list<row>{
           {"", "", "ko"},
           {"ko", "en", "ko"},
           {"en", "ko", "en"},
           {"KO-kr", "", "ko"},
           {"fr", "ko", "en"},
           {"", "ko", "ko"},
           {"", "en-US,en;q=0.9,ko;q=0.8", "en"},
           {"", "en;q=0.8, ko-KR;q=0.9", "ko"},
           {"", "en;q=0.80,ko;q=0.8", "en"},
           {"", "fr-FR, de;q=0.5", "en"},
           {"", "fr, ko;q=0.1", "ko"},
           {"", "*", "en"},
           {"", "ko;q=0", "en"},
           {"", "en;q=0", "ko"},
           {"", "ko;q=0, en;q=0.1", "en"},
           {"", "ko;q=2, en;q=0.3", "en"},
           {"", "ko;q=abc", "en"},
           {"", "ko;q=1.0000", "en"},
           {"", " , ;; ,ko ; q=0.5 ,", "ko"},
           {"", "korean", "en"},
       }) {
    INFO("field '" << r.field << "' header '" << r.header << "'");
    CHECK(choose_locale(r.field, r.header) == r.chosen);
  }
}

}  // namespace social::push
