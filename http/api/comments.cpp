// Comments under a post: the Post decides and commits, the Comment answers.
#include "actors/domain/post/post.hpp"
#include "http/api/actions.hpp"
#include "http/api/call.hpp"
#include "http/api/dto.hpp"
#include "http/api/post_path.hpp"

namespace social::http {
namespace {

constexpr char comments_list = 'c';

void ask_to_comment(const call_ptr& c, std::string contents) {
  auto context = c->context({contents});
  ask<domain::post_aggregate, domain::comment::reply>(
      c, {domain::aggregate_kind::post, c->ids[1], 0}, std::move(context),
      domain::post::write_comment{c->ids[0], std::move(contents)},
      or_fail<domain::comment::reply>(c, [](const call_ptr& c, const domain::comment::reply& reply) {
        c->succeed(dto::comment(std::get<domain::comment::comment_view>(reply)));
      }));
}

void answer_with_page(const call_ptr& c, const page& now, const protocol::comment_page& list) {
  auto json = dto::comments(list.comments);
  if (!list.next) return c->succeed(std::move(json));
  const auto path = "/api/user/" + std::to_string(c->ids[0]) + "/post/" + std::to_string(c->ids[1]) + "/comment/list";
  c->succeed(std::move(json), {"Link", next_link(c->core.options.public_url, path, now, *list.next, comments_list)});
}

void ask_for_page(const call_ptr& c, const page& now) {
  c->core.node.query(c->io(), protocol::comments_of{c->user(), c->ids[0], c->ids[1], now.offset, now.after, now.limit},
                     or_fail<protocol::answer>(c, [now](const call_ptr& c, const protocol::answer& found) {
                       answer_with_page(c, now, std::get<protocol::comment_page>(found));
                     }));
}

}  // namespace

namespace actions {

void write_comment(const call_ptr& c, std::string body) {
  auto contents = read_contents(*c, body);
  if (!contents) return c->fail(contents.error());
  with_post_path(c, [contents = std::move(*contents)](const call_ptr& c) { ask_to_comment(c, contents); });
}

void list_comments(const call_ptr& c, std::string) {
  const auto wanted =
      read_page(*c->head, page_rules_of(c->core.options, c->core.options.comments_default, comments_list));
  if (!wanted) return c->fail(wanted.error());
  with_post_path(c, [now = *wanted](const call_ptr& c) { ask_for_page(c, now); });
}

}  // namespace actions
}  // namespace social::http
