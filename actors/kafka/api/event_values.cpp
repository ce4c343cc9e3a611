#include "actors/kafka/api/event_values.hpp"

#include <utility>
#include <variant>

#include "actors/base/json_writer.hpp"
#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

using maybe_place = std::optional<event_place>;

constexpr std::size_t usual_bytes = 256;  // so that most texts grow once

template <class Members>
void object(std::string& out, Members members) {
  out.clear();
  out.reserve(usual_bytes);
  json_writer json(out);
  json.begin_object();
  members(json);
  json.end_object();
}

/// `seq`, `name` and `email` of somebody; the object stays open.
void begin_person(json_writer& json, std::string_view name, const domain::person& who) {
  json.key(name).begin_object().member("seq", who.seq).member("name", who.name);
  json.key("email").begin_object().member("address", who.email).end_object();
}

/// An event of version 1 does not know the account of the post's writer. What is known then: no sign-ins that we could
/// count, and that the account is at least as old as the comment.
void write_account(json_writer& json, const domain::comment::comment_created& e) {
  const auto history = e.post_writer_history.value_or(
      domain::comment::account_history{.login_count = 0, .last_login_at = {}, .created_at = e.comment.created_at});
  begin_person(json, "postWriter", e.post_writer);
  json.member_if("profileImageUrl", e.post_writer.profile_image_url).member("loginCount", history.login_count);
  if (history.last_login_at) json.time_member("lastLoginAt", *history.last_login_at);
  json.time_member("createAt", history.created_at).end_object();
}

event_place connection(std::string& out, std::string_view topic, const domain::person& acting, id_t notified) {
  object(out, [&](json_writer& json) {
    json.member("userId", acting.seq).member("targetId", notified).member("name", acting.name);
  });
  return {topic, notified};
}

struct user_values {
  std::string& out;
  maybe_place operator()(const domain::user::user_joined& e) const {
    object(out, [&](json_writer& json) { json.member("userId", e.account.seq).member("name", e.account.name); });
    return event_place{topic::user_joined, e.account.seq};
  }
  maybe_place operator()(const domain::user::signed_in&) const { return std::nullopt; }
  maybe_place operator()(const domain::user::connection_requested& e) const {
    return connection(out, topic::connection_requested, e.caller, e.owner);
  }
  maybe_place operator()(const domain::user::connection_granted& e) const {
    return connection(out, topic::connection_granted, e.owner, e.caller.seq);
  }
};

struct post_values {
  std::string& out;
  maybe_place operator()(const domain::post::post_created& e) const {
    object(out, [&](json_writer& json) {
      json.member("postId", e.post.seq).member("userId", e.post.writer.seq).member("contents", e.post.contents);
    });
    return event_place{topic::post_created, e.post.writer.seq};
  }
  maybe_place operator()(const domain::post::post_viewed& e) const {
    object(out, [&](json_writer& json) {
      json.member("postId", e.post).member("postWriterId", e.owner).member("count", e.count);
    });
    return event_place{topic::post_viewed, e.owner};
  }
  maybe_place operator()(const domain::post::post_liked& e) const {
    object(out, [&](json_writer& json) {
      json.member("postId", e.post).member("postWriterId", e.owner).member("userId", e.who.seq);
      json.member("name", e.who.name).member("contents", e.excerpt);
    });
    return event_place{topic::post_liked, e.owner};
  }
  /// The comment's own event stands beside it.
  maybe_place operator()(const domain::post::comment_added&) const { return std::nullopt; }
};

struct comment_values {
  std::string& out;
  maybe_place operator()(const domain::comment::comment_created& e) const {
    object(out, [&](json_writer& json) {
      json.member("postId", e.comment.post).member("userId", e.comment.writer.seq).member("commentId", e.comment.seq);
      write_account(json, e);
      begin_person(json, "commentWriter", e.comment.writer);
      json.end_object().member("contents", e.comment.contents);
    });
    return event_place{topic::comment_created, e.comment.owner};
  }
};

template <class Aggregate, class Values>
result<maybe_place> decoded(const domain::encoded_event& event, std::string& out) {
  thread_local typename Aggregate::event known;
  if (const auto done = domain::decode_event_over<Aggregate>(event.type, event.bytes, known); !done)
    return done.error();
  return std::visit(Values{out}, std::as_const(known));
}

}  // namespace

result<std::optional<event_place>> write_event(const domain::encoded_event& event, std::string& json) {
  switch (event.kind) {
    case domain::aggregate_kind::user:
      return decoded<domain::user_aggregate, user_values>(event, json);
    case domain::aggregate_kind::post:
      return decoded<domain::post_aggregate, post_values>(event, json);
    case domain::aggregate_kind::comment:
      return decoded<domain::comment_aggregate, comment_values>(event, json);
    default:
      return maybe_place();  // other kinds are nobody's business outside
  }
}

}  // namespace social::kafka
