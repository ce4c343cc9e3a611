#include "actors/base/overloaded.hpp"
#include "actors/base/text.hpp"
#include "actors/domain/outcome.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/state.hpp"

namespace social::domain {
namespace {

using namespace post;
using outcome = result<decision<event>>;

constexpr std::size_t contents_code_points_min = 4;
constexpr std::size_t contents_code_points_max = 500;
constexpr std::size_t excerpt_code_points = 120;

/// Which row `lookups` names first, which second.
constexpr std::size_t writer_fact = 0;
constexpr std::size_t like_fact = 0;
constexpr std::size_t owner_fact = 0;
constexpr std::size_t connection_fact = 1;  ///< not looked up for a post of one's own

outcome decide_write(const state& s, const facts& f, const command_context& context, const write& c) {
  if (s.exists() || context.self == 0) return impossible("a post needs a new id");
  const auto writer = f.get<user::state>(writer_fact);
  if (context.caller == 0 || !writer || !writer->exists()) return error_code::unauthorized;
  if (writer->seq != context.caller) return impossible("the state row of a user names somebody else");
  if (auto violations = validate_contents(c.contents); !violations.empty())
    return invalid_fields(std::move(violations));
  state written;
  written.seq = context.self;
  written.writer = writer->as_person();
  written.contents = c.contents;
  written.created_at = context.now;
  return happened<event>(post_created{std::move(written)});
}

/// Who acts on the post, as shown to others. Access is decided before existence, so that a stranger learns nothing of
/// what is there.
result<person> visitor(const state& s, const facts& f, const command_context& context, std::uint64_t owner) {
  if (context.caller == 0) return error_code::unauthorized;
  const bool own = context.caller == owner;
  const auto connection = own ? std::nullopt : f.get<user::connection_row>(connection_fact);
  const bool connected = connection && connection->state == user::connection_state::granted;
  if (!own && !connected) return error_code::forbidden;
  if (!s.exists() || s.writer.seq != owner) return error_code::post_not_found;
  if (own) return s.writer;
  if (connection->caller.seq != context.caller) return impossible("a connection row names somebody else");
  return connection->caller;
}

outcome decide_like(const state& s, const facts& f, const command_context& context, const like& c) {
  auto who = visitor(s, f, context, c.owner);
  if (!who) return std::move(who).error();
  if (f.get<like_row>(like_fact)) return nothing_happened<event>();
  return happened<event>(post_liked{s.seq, s.writer.seq, std::move(*who),
                                    std::string(first_code_points(s.contents, excerpt_code_points)), context.now});
}

outcome decide_comment(const state& s, const facts& f, const command_context& context, const write_comment& c) {
  if (auto violations = validate_contents(c.contents); !violations.empty())
    return invalid_fields(std::move(violations));
  auto who = visitor(s, f, context, c.owner);
  if (!who) return std::move(who).error();
  if (context.new_id == 0) return impossible("a comment needs a new id");
  const auto owner = f.get<user::state>(owner_fact);
  if (!owner || owner->seq != c.owner) return impossible("the owner of a post has no account");
  auto decided = happened<event>(comment_added{s.seq, context.new_id, context.now});
  comment::command create = comment::create{s.seq,
                                            owner->as_person(),
                                            {owner->login_count, owner->last_login_at, owner->created_at},
                                            std::move(*who),
                                            c.contents};
  decided.child = child_command{aggregate_kind::comment, context.new_id, true, erase(std::move(create))};
  return decided;
}

outcome decide_views(const state& s, const command_context& context, const add_views& c) {
  if (!s.exists()) return error_code::post_not_found;
  if (c.count == 0) return nothing_happened<event>();
  return happened<event>(post_viewed{s.seq, s.writer.seq, c.count, context.now});
}

}  // namespace

std::vector<field_error> post::validate_contents(std::string_view contents) {
  if (!is_valid_utf8(contents) || contents.find('\0') != std::string_view::npos)
    return {{"contents", "must be text without NUL"}};
  const auto characters = code_points(contents);
  if (characters < contents_code_points_min || characters > contents_code_points_max)
    return {{"contents", "must have 4 to 500 characters"}};
  if (is_blank(contents)) return {{"contents", "must not be white space only"}};
  return {};
}

void post_aggregate::lookups(const command& c, const command_context& context, std::vector<row_key>& keys) {
  const auto connection = [&](std::uint64_t owner) {
    if (owner != context.caller) keys.push_back({table::connection, owner, context.caller, {}});
  };
  const auto account = [&](std::uint64_t id) {
    keys.push_back({table::state, static_cast<std::uint64_t>(aggregate_kind::user), id, {}});
  };
  std::visit(overloaded{
                 [&](const write&) { account(context.caller); },
                 [&](const like& l) {
                   keys.push_back({table::like, context.self, context.caller, {}});
                   connection(l.owner);
                 },
                 [&](const write_comment& w) {
                   account(w.owner);
                   connection(w.owner);
                 },
                 [&](const add_views&) {},
             },
             c);
}

result<decision<event>> post_aggregate::decide(const state& s, const facts& f, const command_context& context,
                                               const command& c) {
  return std::visit(overloaded{
                        [&](const write& w) { return decide_write(s, f, context, w); },
                        [&](const like& l) { return decide_like(s, f, context, l); },
                        [&](const write_comment& w) { return decide_comment(s, f, context, w); },
                        [&](const add_views& v) { return decide_views(s, context, v); },
                    },
                    c);
}

post::reply post_aggregate::answer(const state& after, const facts&, const command_context&, const command& c) {
  // Who has just liked, or liked before, likes it. No other command of a post shows it to somebody who might.
  const bool likes_of_me = std::holds_alternative<like>(c);
  return post_view{after.seq,    after.contents,   after.numbers,   likes_of_me,
                   after.writer, after.created_at, after.updated_at};
}

}  // namespace social::domain
