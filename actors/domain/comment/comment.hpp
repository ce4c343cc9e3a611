// The Comment aggregate: an actor of its own, a child of its Post, which commits for it.
#pragma once

#include "actors/domain/aggregate.hpp"
#include "actors/domain/comment/commands.hpp"
#include "actors/domain/comment/events.hpp"

namespace social::domain {

/// Looks nothing up: the Post has found all that creating needs.
struct comment_aggregate {
  static constexpr aggregate_kind kind = aggregate_kind::comment;
  static constexpr std::string_view name = "comment";
  using state = comment::state;
  using command = comment::command;
  using event = comment::event;
  using reply = comment::reply;

  static result<decision<event>> decide(const state& s, const facts& f, const command_context& context,
                                        const command& c);
  static void apply(state& s, const event& e);
  static void project(const event& e, const state& after, row_sink& sink);
  static reply answer(const state& after, const facts& f, const command_context& context, const command& c);
  static std::string redacted(const state& s);
};

}  // namespace social::domain
