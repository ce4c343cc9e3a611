// The Post aggregate. It lives in its owner's shard, its comments with it.
#pragma once

#include "actors/domain/aggregate.hpp"
#include "actors/domain/post/commands.hpp"
#include "actors/domain/post/events.hpp"

namespace social::domain {

struct post_aggregate {
  static constexpr aggregate_kind kind = aggregate_kind::post;
  static constexpr std::string_view name = "post";
  using state = post::state;
  using command = post::command;
  using event = post::event;
  using reply = post::reply;

  static bool needs_id(const command& c) { return std::holds_alternative<post::write>(c); }
  static std::optional<aggregate_kind> child_kind(const command& c) {
    return std::holds_alternative<post::write_comment>(c) ? std::optional(aggregate_kind::comment) : std::nullopt;
  }
  static void lookups(const command& c, const command_context& context, std::vector<row_key>& keys);
  /// Nobody likes twice, however quickly. Users and connections are others' rows.
  static bool looks_back(const row_key& written) { return written.where == table::like; }
  static result<decision<event>> decide(const state& s, const facts& f, const command_context& context,
                                        const command& c);
  static void apply(state& s, const event& e);
  static void project(const event& e, const state& after, row_sink& sink);
  static bool only_counts(const event& e) { return !std::holds_alternative<post::post_created>(e); }
  static post::counts& counts(state& s) { return s.numbers; }
  static reply answer(const state& after, const facts& f, const command_context& context, const command& c);
  static std::string redacted(const state& s);
};

namespace post {
/// 4-500 characters; at most one entry, for `contents`. Comments have the same rule.
std::vector<field_error> validate_contents(std::string_view contents);
}  // namespace post

}  // namespace social::domain
