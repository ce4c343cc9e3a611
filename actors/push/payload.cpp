#include "actors/push/payload.hpp"

#include <algorithm>
#include <array>

#include "actors/base/base64.hpp"
#include "actors/base/digest.hpp"
#include "actors/base/json_writer.hpp"
#include "actors/base/text.hpp"

namespace social::push {
namespace {

/// Of the declarative form (Push API, "declarative push message"): the RFC it builds upon.
constexpr int declarative_version = 8030;
constexpr std::size_t topic_characters = 32;

std::string write(const payload_fields& f) {
  std::string out;
  json_writer writer(out);
  writer.begin_object();
  writer.member("title", f.title).member("message", f.body).member("clickTarget", f.click_target).member("tag", f.tag);
  writer.member("web_push", declarative_version).key("notification").begin_object();
  writer.member("title", f.title).member("body", f.body);
  writer.member("navigate", std::string(f.public_url).append(f.click_target));
  writer.member("tag", f.tag).member("lang", f.lang).end_object();
  writer.key("event").begin_object().member("id", f.event_id).member("type", f.event_type);
  writer.time_member("createdAt", f.created_at).end_object().end_object();
  return out;
}

std::string topic_of(std::string_view text) {
  const auto digest = sha256(text);
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}).substr(0, topic_characters);
}

}  // namespace

std::string make_payload(payload_fields fields, std::size_t bytes_max) {
  auto out = write(fields);
  // Title and body stand there twice; a byte of text is at least a byte of JSON.
  for (const auto& [text, times] : {std::pair(&fields.body, 2), {&fields.title, 2}, {&fields.event_id, 1}}) {
    while (out.size() > bytes_max && !text->empty()) {
      const auto excess =
          (out.size() - bytes_max + static_cast<std::size_t>(times) - 1) / static_cast<std::size_t>(times);
      *text = first_bytes_on_boundary(*text, text->size() - std::min(text->size(), excess));
      out = write(fields);
    }
  }
  return out;
}

std::string topic_of_event(std::string_view source, std::string_view event_id) {
  return topic_of(std::string("event\n").append(source).append("\n").append(event_id));
}

std::string topic_of_tag(std::string_view tag) {
  return topic_of(std::string("tag\n").append(tag));
}

}  // namespace social::push
