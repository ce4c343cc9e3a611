#include "actors/push/texts.hpp"

#include <array>

#include "actors/base/overloaded.hpp"
#include "actors/base/text.hpp"

namespace social::push {
namespace {

using namespace protocol;

std::string excerpt(std::string_view text) {
  return std::string(first_code_points(text, excerpt_code_points));
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::string post_path(id_t owner, id_t post) {
  return "/friends/" + number(owner) + "/posts/" + number(post);
}

message_texts of_join(const user_joined& e, bool korean, std::uint64_t others) {
  message_texts out;
  out.title = others == 0 ? e.name + " Joined!" : e.name + " and " + number(others) + " others joined!";
  out.body = korean ? "환영 메시지를 보내 보세요." : "Please send a welcome message.";
  out.click_target = "/friends/" + number(e.user_id);
  out.tag = "joined";
  out.urgency = urgency::low;
  return out;
}

message_texts of_like(const post_liked& e, bool korean, std::uint64_t others) {
  message_texts out;
  if (others == 0)
    out.title = e.name + (korean ? "님이 좋아합니다." : " likes your post");
  else if (korean)
    out.title = e.name + "님 외 " + number(others) + "명이 좋아합니다.";
  else
    out.title = e.name + " and " + number(others) + " others like your post";
  out.body = excerpt(e.contents);
  out.click_target = post_path(e.post_writer_id, e.post_id);
  out.tag = "post-" + number(e.post_id) + "-likes";
  out.urgency = urgency::low;
  return out;
}

message_texts of_comment(const comment_created& e, bool korean) {
  message_texts out;
  out.title = e.commenter_name + (korean ? "님이 댓글을 달았어요." : " commented");
  out.body = excerpt(e.contents);
  out.click_target = post_path(e.post_writer_id, e.post_id);
  out.tag = "post-" + number(e.post_id) + "-comments";
  out.urgency = urgency::high;
  return out;
}

/// Both connection notices: they differ in nothing but the title.
message_texts of_connection(std::string title, id_t who_acted) {
  message_texts out;
  out.title = std::move(title);
  out.click_target = "/friends/" + number(who_acted);
  out.tag = "connection-" + number(who_acted);
  out.urgency = urgency::normal;
  return out;
}

}  // namespace

std::string_view to_string(urgency value) noexcept {
  switch (value) {
    case urgency::very_low:
      return "very-low";
    case urgency::low:
      return "low";
    case urgency::high:
      return "high";
    case urgency::normal:
      break;
  }
  return "normal";
}

message_texts compose(const push_event_body& body, std::string_view locale, std::uint64_t others) {
  const bool korean = locale == "ko";
  return std::visit(
      overloaded{
          [&](const user_joined& e) { return of_join(e, korean, others); },
          [&](const post_liked& e) { return of_like(e, korean, others); },
          [&](const comment_created& e) { return of_comment(e, korean); },
          [&](const connection_requested& e) {
            return of_connection(e.name + (korean ? "님이 친구 요청을 보냈어요." : " wants to connect"), e.user_id);
          },
          [&](const connection_granted& e) {
            return of_connection(e.name + (korean ? "님이 친구 요청을 수락했어요." : " accepted"), e.user_id);
          },
      },
      body);
}

std::string compose_console(const push_event_body& body, std::uint64_t others) {
  std::string text;
  if (const auto* comment = std::get_if<comment_created>(&body)) {
    text = comment->commenter_name + "가 코멘트를 달았습니다.";
  } else {
    auto texts = compose(body, "ko", others);
    text = texts.body.empty() ? std::move(texts.title) : std::move(texts.body);
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

std::string console_line(std::string_view endpoint, std::string_view text) {
  std::string line(endpoint);
  line.append(" -> \"").append(text).append("\" 푸쉬발송\n");
  return line;
}

}  // namespace social::push
