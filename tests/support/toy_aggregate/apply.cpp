#include "actors/base/overloaded.hpp"
#include "tests/support/toy_aggregate/toy.hpp"

namespace social::domain {

using namespace toy;

void toy_aggregate::apply(state& s, const event& e) {
  std::visit(overloaded{
                 [&](const opened& o) { s.seq = o.seq; },
                 [&](const added& a) { s.numbers.total += a.count; },
                 [&](const labelled&) { ++s.labels; },
             },
             e);
}

void toy_aggregate::project(const event& e, const state&, row_sink& sink) {
  if (const auto* l = std::get_if<labelled>(&e)) sink.put({table::gather, l->seq, 0, l->text}, label_row{l->at});
}

std::string toy_aggregate::redacted(const state& s) {
  return R"({"seq":)" + std::to_string(s.seq) + R"(,"total":)" + std::to_string(s.numbers.total) + "}";
}

}  // namespace social::domain
