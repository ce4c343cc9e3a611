#include <cassert>

#include "actors/base/json_writer.hpp"
#include "actors/domain/comment/comment.hpp"

namespace social::domain {

using namespace comment;

void comment_aggregate::apply(state& s, const event& e) {
  const auto& created = std::get<comment_created>(e);
  assert(!s.exists() && created.comment.exists());
  s = created.comment;
}

void comment_aggregate::project(const event&, const state&, row_sink&) {
  // The list of a post's comments is the Post's, with its count.
}

std::string comment_aggregate::redacted(const state& s) {
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("seq", s.seq).member("post", s.post).member("owner", s.owner);
  writer.key("writer").begin_object().member("seq", s.writer.seq).member("name", s.writer.name).end_object();
  writer.member("contents", s.contents).time_member("createAt", s.created_at);
  if (s.updated_at) writer.time_member("updatedAt", *s.updated_at);
  writer.end_object();
  return out;
}

}  // namespace social::domain
