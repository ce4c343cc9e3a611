// Writing, listing, opening and liking posts. {userId} of a path is the post's owner: ids[0]; {postId}: ids[1].
#include "actors/domain/post/post.hpp"
#include "http/api/accounts.hpp"
#include "http/api/actions.hpp"
#include "http/api/call.hpp"
#include "http/api/dto.hpp"
#include "http/api/json_fields.hpp"
#include "http/api/post_path.hpp"

namespace social::http {

void with_post_path(const call_ptr& c, const std::function<void(const call_ptr&)>& go) {
  const auto [owner, post] = c->ids;
  if (owner == 0) return c->fail(error_code::forbidden);
  const auto shards = c->core.node.shards();
  if (post != 0 && shard_of(owner, shards) == shard_of(post, shards)) return go(c);
  // No such post: but only who may read that owner's posts is told so.
  c->core.node.query(c->io(), protocol::access{c->user(), owner},
                     or_fail<protocol::answer>(
                         c, [](const call_ptr& c, const protocol::answer&) { c->fail(error_code::post_not_found); }));
}

result<std::string> read_contents(const call& c, std::string_view body) {
  auto fields = json_fields::parse(body, json_limits_of(c.core.options));
  if (!fields) return fields.error();
  auto contents = fields->required("contents");
  if (fields->problems.empty()) fields->problems = domain::post::validate_contents(contents);
  if (!fields->problems.empty()) return invalid_fields(std::move(fields->problems));
  return contents;
}

page_rules page_rules_of(const api_options& options, std::size_t limit_default, char list) {
  return {limit_default, options.page_max, options.offset_max, list};
}

namespace {

constexpr char posts_list = 'p';

void answer_with_post(const call_ptr& c, const domain::post::reply& reply) {
  c->succeed(dto::post(std::get<domain::post::post_view>(reply)));
}

}  // namespace

namespace actions {

void write_post(const call_ptr& c, std::string body) {
  auto contents = read_contents(*c, body);
  if (!contents) return c->fail(contents.error());
  auto context = c->context({*contents});
  ask<domain::post_aggregate>(c, {domain::aggregate_kind::post, 0, shard_of(c->user(), c->core.node.shards())},
                              std::move(context), domain::post::write{std::move(*contents)},
                              or_fail<domain::post::reply>(c, answer_with_post));
}

void list_posts(const call_ptr& c, std::string) {
  const auto owner = c->ids[0];
  const auto wanted = read_page(*c->head, page_rules_of(c->core.options, c->core.options.posts_default, posts_list));
  if (!wanted) return c->fail(wanted.error());
  if (owner == 0) return c->fail(error_code::forbidden);
  const page now = *wanted;
  c->core.node.query(c->io(), protocol::posts_of{c->user(), owner, now.offset, now.after, now.limit},
                     or_fail<protocol::answer>(c, [now](const call_ptr& c, const protocol::answer& found) {
                       const auto& list = std::get<protocol::post_page>(found);
                       auto json = dto::posts(list.posts);
                       if (!list.next) return c->succeed(std::move(json));
                       const auto path = "/api/user/" + std::to_string(c->ids[0]) + "/post/list";
                       c->succeed(std::move(json),
                                  {"Link", next_link(c->core.options.public_url, path, now, *list.next, posts_list)});
                     }));
}

void open_post(const call_ptr& c, std::string) {
  with_post_path(c, [](const call_ptr& c) {
    c->core.node.query(c->io(), protocol::post_by_id{c->user(), c->ids[0], c->ids[1]},
                       or_fail<protocol::answer>(c, [](const call_ptr& c, const protocol::answer& found) {
                         const auto& post = std::get<protocol::post_answer>(found).post;
                         if (c->user() != c->ids[0] && !c->is_head()) c->core.node.opened(post.seq, 1);
                         c->succeed(dto::post(post));
                       }));
  });
}

void like_post(const call_ptr& c, std::string) {
  with_post_path(c, [](const call_ptr& c) {
    ask<domain::post_aggregate>(c, {domain::aggregate_kind::post, c->ids[1], 0}, c->context(),
                                domain::post::like{c->ids[0]}, or_fail<domain::post::reply>(c, answer_with_post));
  });
}

}  // namespace actions
}  // namespace social::http
