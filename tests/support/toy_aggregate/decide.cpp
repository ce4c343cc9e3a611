#include <stdexcept>

#include "actors/base/overloaded.hpp"
#include "actors/domain/outcome.hpp"
#include "tests/support/toy_aggregate/toy.hpp"

namespace social::domain {

using namespace toy;

namespace {

void fail_if(const command& c, place here) {
  const auto* wanted = std::get_if<fail>(&c);
  if (wanted != nullptr && wanted->where == here) throw std::runtime_error("the toy fails");
}

decision<event> with_part(id_t part, bool fresh, command c) {
  auto decided = happened<event>(added{1});
  decided.child = child_command{toy_aggregate::kind, part, fresh, erase(std::move(c))};
  return decided;
}

command for_part(bool refused, bool failing, command otherwise) {
  if (failing) return fail{place::decide};
  if (refused) return refuse{};
  return otherwise;
}

}  // namespace

std::string toy_aggregate::unique_key(const command& c) {
  const auto* opening = std::get_if<open>(&c);
  return opening != nullptr ? opening->name : std::string();
}

void toy_aggregate::lookups(const command& c, const command_context& context, std::vector<row_key>& keys) {
  fail_if(c, place::lookups);
  if (const auto* l = std::get_if<label>(&c)) keys.push_back({table::gather, context.self, 0, l->text});
}

result<decision<event>> toy_aggregate::decide(const state& s, const facts& f, const command_context& context,
                                              const command& c) {
  fail_if(c, place::decide);
  using outcome = result<decision<event>>;
  if (!s.exists() && !std::holds_alternative<open>(c) && !std::holds_alternative<fail>(c) &&
      !std::holds_alternative<refuse>(c))
    return error_code::not_found;
  return std::visit(overloaded{
                        [&](const open&) -> outcome { return happened<event>(opened{context.self}); },
                        [&](const add& a) -> outcome { return happened<event>(added{a.count}); },
                        [&](const label& l) -> outcome {
                          if (f.get<label_row>(0)) return nothing_happened<event>();
                          return happened<event>(labelled{context.self, l.text, context.now});
                        },
                        [&](const peek&) -> outcome { return nothing_happened<event>(); },
                        [&](const refuse&) -> outcome { return error_code::forbidden; },
                        [&](const fail&) -> outcome { return happened<event>(added{1}); },
                        [&](const add_part& p) -> outcome {
                          return with_part(context.new_id, true, for_part(p.refused, p.failing, open{}));
                        },
                        [&](const add_to_part& p) -> outcome {
                          return with_part(p.part, false, for_part(false, p.failing, add{p.count}));
                        },
                        [&](const label_part& p) -> outcome { return with_part(p.part, false, label{p.text}); },
                    },
                    c);
}

toy::reply toy_aggregate::answer(const state& after, const facts&, const command_context&, const command& c) {
  fail_if(c, place::answer);
  return view{after.seq, after.numbers.total, after.labels};
}

}  // namespace social::domain
