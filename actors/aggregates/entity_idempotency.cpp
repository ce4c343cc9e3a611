// Commands under an idempotency key: what was done is answered again, and what is done is kept with its outcome.
#include <algorithm>
#include <iterator>

#include "actors/aggregates/entity.hpp"

namespace social::aggregates {

using protocol::command_result;

void entity::decide_unless_repeated(std::vector<std::optional<std::string>> rows) {
  if (void_) return finish_front(error{error_code::store_unavailable});
  const auto& context = queue_.front().message.context;
  const auto first_fact = rows.begin() + domain::idempotency_rows;
  for (auto row = rows.begin(); row != first_fact; ++row) {
    if (!*row) continue;
    const auto stored = decode_record<domain::idempotency_row>(**row);
    if (!stored) {
      log::error("aggregates", "an outcome that was stored under an idempotency key cannot be read",
                 {{"actor", whoami()}, {"key", context.idempotency.key}, {"reason", stored.error().text()}});
      return finish_front(error{error_code::internal, "a stored outcome is damaged"});
    }
    if (stored->at + domain::idempotency_retention_ms <= env_->clock->now()) continue;
    return finish_front(stored_outcome(context, *stored));
  }
  decide_front(domain::facts({std::make_move_iterator(first_fact), std::make_move_iterator(rows.end())}));
}

command_result entity::stored_outcome(const domain::command_context& context,
                                      const domain::idempotency_row& row) const {
  if (row.fingerprint != context.idempotency.fingerprint) return error{error_code::idempotency_key_reused};
  const auto* answering = env_->kinds.find(row.kind);
  if (answering == nullptr) return error{error_code::internal, "a stored outcome of a kind that is not served"};
  auto reply = answering->decode_reply(row.reply);
  if (reply) return reply;
  log::error("aggregates", "an outcome that was stored under an idempotency key cannot be read",
             {{"actor", whoami()}, {"key", context.idempotency.key}, {"reason", reply.error().text()}});
  return error{error_code::internal, "a stored outcome is damaged"};
}

domain::row_change entity::outcome_row(const domain::command_context& context, domain::aggregate_kind answering,
                                       const domain::erased& reply) const {
  const auto now = env_->clock->now();
  domain::idempotency_row row;
  row.fingerprint = context.idempotency.fingerprint;
  row.at = now;
  row.kind = answering;
  row.reply = env_->kinds.find(answering)->encode_reply(reply);
  return {domain::idempotency_key(context, domain::idempotency_day(now)), encode_record(row)};
}

}  // namespace social::aggregates
