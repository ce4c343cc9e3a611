#include "actors/domain/comment/comment.hpp"
#include "actors/domain/outcome.hpp"

namespace social::domain {

using namespace comment;

result<decision<event>> comment_aggregate::decide(const state& s, const facts&, const command_context& context,
                                                  const command& c) {
  const auto& created = std::get<create>(c);
  if (s.exists() || context.self == 0) return impossible("a comment needs a new id");
  if (created.post == 0 || created.writer.seq == 0 || created.post_writer.seq == 0 || created.contents.empty())
    return impossible("the post left out what makes a comment");
  state written;
  written.seq = context.self;
  written.post = created.post;
  written.owner = created.post_writer.seq;
  written.writer = created.writer;
  written.contents = created.contents;
  written.created_at = context.now;
  return happened<event>(comment_created{std::move(written), created.post_writer, created.post_writer_history});
}

comment::reply comment_aggregate::answer(const state& after, const facts&, const command_context&, const command&) {
  return comment_view{after.seq, after.contents, after.writer, after.created_at, after.updated_at};
}

}  // namespace social::domain
