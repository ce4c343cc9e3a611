#include "actors/push/payload.hpp"

#include <algorithm>

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

/// Cuts `text`, one of the fields, as little as needed, but not below `kept` bytes. Searched, for escapes make the
/// length of JSON unequal to that of its text.
std::string shortened(const payload_fields& fields, std::string_view& text, std::size_t kept, std::size_t bytes_max) {
  const auto whole = text;
  std::size_t fits = std::min(kept, whole.size());
  std::size_t too_long = whole.size();
  while (fits + 1 < too_long) {
    const auto middle = fits + (too_long - fits) / 2;
    text = first_bytes_on_boundary(whole, middle);
    (write(fields).size() <= bytes_max ? fits : too_long) = middle;
  }
  text = first_bytes_on_boundary(whole, fits);
  return write(fields);
}

std::string topic_of(std::string_view text) {
  const auto digest = sha256(text);
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}).substr(0, topic_characters);
}

}  // namespace

std::string make_payload(payload_fields fields, std::size_t bytes_max) {
  auto out = write(fields);
  // What no person reads in full gives way first, so that an outsider's endless name or id does not cost the message.
  struct step {
    std::string_view payload_fields::* text;
    std::size_t bytes_kept;
  };
  for (const auto& [text, kept] : {step{&payload_fields::event_id, 256},
                                   {&payload_fields::title, 512},
                                   {&payload_fields::body, 0},
                                   {&payload_fields::title, 0},
                                   {&payload_fields::event_id, 0}}) {
    if (out.size() <= bytes_max) break;
    out = shortened(fields, fields.*text, kept, bytes_max);
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
