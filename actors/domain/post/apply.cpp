#include <cassert>

#include "actors/base/json_writer.hpp"
#include "actors/base/overloaded.hpp"
#include "actors/domain/post/post.hpp"

namespace social::domain {

using namespace post;

void post_aggregate::apply(state& s, const event& e) {
  std::visit(overloaded{
                 [&](const post_created& created) {
                   assert(!s.exists() && created.post.exists());
                   s = created.post;
                   s.numbers = {};
                 },
                 [&](const post_liked& liked) {
                   assert(liked.post == s.seq && liked.owner == s.writer.seq);
                   ++s.numbers.likes;
                 },
                 [&](const comment_added& added) {
                   assert(added.post == s.seq);
                   ++s.numbers.comments;
                 },
                 [&](const post_viewed& viewed) {
                   assert(viewed.post == s.seq);
                   s.numbers.views += viewed.count;
                 },
             },
             e);
}

void post_aggregate::project(const event& e, const state& after, row_sink& sink) {
  std::visit(
      overloaded{
          [&](const post_created& created) {
            sink.put_empty({table::post_of_owner, created.post.writer.seq, created.post.seq, {}});
          },
          [&](const post_liked& liked) {
            assert(liked.post == after.seq);
            sink.put({table::like, liked.post, liked.who.seq, {}}, like_row{liked.who, liked.at});
          },
          [&](const comment_added& added) { sink.put_empty({table::comment_of_post, added.post, added.comment, {}}); },
          [&](const post_viewed&) {},
      },
      e);
}

std::string post_aggregate::redacted(const state& s) {
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("seq", s.seq);
  writer.key("writer").begin_object().member("seq", s.writer.seq).member("name", s.writer.name).end_object();
  writer.member("contents", s.contents).member("likes", s.numbers.likes).member("comments", s.numbers.comments);
  writer.member("views", s.numbers.views).time_member("createAt", s.created_at);
  if (s.updated_at) writer.time_member("updatedAt", *s.updated_at);
  writer.end_object();
  return out;
}

}  // namespace social::domain
