// Connections belong to the target, who grants them: both commands go to the shard of the one who grants.
#include "actors/domain/user/user.hpp"
#include "http/api/actions.hpp"
#include "http/api/call.hpp"
#include "http/api/dto.hpp"
#include "http/api/json_fields.hpp"

namespace social::http {
namespace {

void answer_with_connection(const call_ptr& c, const domain::user::reply& reply) {
  c->succeed(dto::connection(std::get<domain::user::connection_view>(reply)));
}

void ask_target(const call_ptr& c, domain::person caller) {
  ask<domain::user_aggregate>(c, {domain::aggregate_kind::user, c->ids[0], 0}, c->context(),
                              domain::user::request_connection{std::move(caller)},
                              or_fail<domain::user::reply>(c, answer_with_connection));
}

}  // namespace

namespace actions {

/// The one command that reads the caller's own shard first: who asks goes into the row that the target keeps.
void request_connection(const call_ptr& c, std::string) {
  const auto target = c->ids[0];
  if (target == c->user()) return c->fail(invalid_field("targetId", "must be somebody else"));
  if (target == 0) return c->fail(error_code::user_not_found);
  c->core.node.query(c->io(), protocol::account_by_id{c->user()}, [c](result<protocol::answer> found) {
    if (!found) return c->fail_as_caller(found.error());
    ask_target(c, std::get<protocol::account_answer>(*found).as_person);
  });
}

void grant_connection(const call_ptr& c, std::string) {
  const auto asker = c->ids[0];
  if (asker == c->user()) return c->fail(invalid_field("userId", "must be somebody else"));
  if (asker == 0) return c->fail(error_code::connection_not_found);
  ask<domain::user_aggregate>(c, {domain::aggregate_kind::user, c->user(), 0}, c->context(),
                              domain::user::grant_connection{asker},
                              or_fail<domain::user::reply>(c, answer_with_connection));
}

}  // namespace actions
}  // namespace social::http
