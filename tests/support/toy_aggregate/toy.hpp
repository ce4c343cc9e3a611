// The Toy aggregate: proof that a new aggregate is a folder like this one and `registry.add<toy_aggregate>()`.
#pragma once

#include "actors/domain/aggregate.hpp"
#include "tests/support/toy_aggregate/commands.hpp"
#include "tests/support/toy_aggregate/events.hpp"

namespace social::domain {

struct toy_aggregate {
  static constexpr aggregate_kind kind{200};
  static constexpr std::string_view name = "toy";
  using state = toy::state;
  using command = toy::command;
  using event = toy::event;
  using reply = toy::reply;

  static bool needs_id(const command& c) { return std::holds_alternative<toy::open>(c); }
  static std::optional<aggregate_kind> child_kind(const command& c) {
    return std::holds_alternative<toy::add_part>(c) ? std::optional(kind) : std::nullopt;
  }
  static std::string unique_key(const command& c);
  static void lookups(const command& c, const command_context& context, std::vector<row_key>& keys);
  static result<decision<event>> decide(const state& s, const facts& f, const command_context& context,
                                        const command& c);
  static void apply(state& s, const event& e);
  static void project(const event& e, const state& after, row_sink& sink);
  static bool only_counts(const event& e) { return std::holds_alternative<toy::added>(e); }
  static toy::sums& counts(state& s) { return s.numbers; }
  static reply answer(const state& after, const facts& f, const command_context& context, const command& c);
  static std::string redacted(const state& s);
};

}  // namespace social::domain
