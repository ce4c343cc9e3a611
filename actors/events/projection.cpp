#include "actors/events/projection.hpp"

#include <optional>

#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"

namespace social::events {
namespace {

using body = std::optional<protocol::push_event_body>;

struct user_projection {
  body operator()(const domain::user::user_joined& e) const {
    return protocol::user_joined{e.account.seq, e.account.name};
  }
  body operator()(const domain::user::connection_requested& e) const {
    return protocol::connection_requested{e.caller.seq, e.owner, e.caller.name};
  }
  body operator()(const domain::user::connection_granted& e) const {
    return protocol::connection_granted{e.owner.seq, e.caller.seq, e.owner.name};
  }
  body operator()(const domain::user::signed_in&) const { return std::nullopt; }
};

struct post_projection {
  body operator()(const domain::post::post_liked& e) const {
    return protocol::post_liked{e.post, e.owner, e.who.seq, e.who.name, e.excerpt};
  }
  template <class Other>
  body operator()(const Other&) const {
    return std::nullopt;
  }
};

struct comment_projection {
  body operator()(const domain::comment::comment_created& e) const {
    const auto& c = e.comment;
    return protocol::comment_created{c.post, c.owner, c.seq, c.writer.seq, c.writer.name, c.contents};
  }
};

template <class A, class Projection>
result<body> project(const domain::encoded_event& event) {
  auto decoded = domain::decode_event<A>(event.type, event.bytes);
  if (!decoded) return decoded.error();
  return std::visit(Projection{}, *decoded);
}

result<body> project_one(const domain::encoded_event& event) {
  switch (event.kind) {
    case domain::aggregate_kind::user:
      return project<domain::user_aggregate, user_projection>(event);
    case domain::aggregate_kind::post:
      return project<domain::post_aggregate, post_projection>(event);
    case domain::aggregate_kind::comment:
      return project<domain::comment_aggregate, comment_projection>(event);
    default:
      return body();  // other kinds are nobody's business outside
  }
}

}  // namespace

result<void> project_for_push(const ports::journal_record& record, const std::string& source,
                              std::vector<protocol::push_event>& out) {
  for (std::size_t i = 0; i < record.events.size(); ++i) {
    const auto sequence = record.first_sequence + i;
    auto projected = project_one(record.events[i]);
    const auto id = std::to_string(record.shard) + "-" + std::to_string(sequence);
    if (!projected)
      return error{error_code::corrupt_record, "event " + id + ": " + std::string(projected.error().text())};
    if (*projected) out.push_back({id, source, record.time, record.trace, std::move(**projected)});
  }
  return {};
}

}  // namespace social::events
