// What the planner does about devices that moved or went. Shards take turns, and one whose reaction fails is left alone
// for a while: a damaged row of one person must not keep the devices of everybody else from being set right.
#include <algorithm>
#include <limits>

#include "actors/push/planner_actor.hpp"
#include "actors/push/reactions.hpp"

namespace social::push {
namespace {

constexpr auto never = std::numeric_limits<timestamp_t>::max();

}  // namespace

/// Nothing when no shard has anything that may be done now; then `next_reaction_` is when one has.
std::optional<shard_t> planner_actor::choose_shard() {
  const auto& journal = *env_->store.log;
  next_reaction_ = never;
  for (shard_t i = 0; i < journal.shards(); ++i) {
    const auto shard = static_cast<shard_t>((next_shard_ + i) % journal.shards());
    const auto& of = reacting_[shard];
    if (journal.head(shard) <= of.cursor) continue;
    if (of.rests_until > now()) {
      next_reaction_ = std::min(next_reaction_, of.rests_until);
      continue;
    }
    next_reaction_ = 0;
    next_shard_ = static_cast<shard_t>((shard + 1) % journal.shards());
    return shard;
  }
  journal_moved_ = next_reaction_ != never;
  return std::nullopt;
}

void planner_actor::rest(shard_t shard, const error& why) {
  auto& of = reacting_[shard];
  of.rest_ms =
      of.rest_ms == 0 ? env_->options.store_retry_ms : std::min(of.rest_ms * 2, env_->options.reaction_retry_max_ms);
  of.rests_until = now() + of.rest_ms;
  env_->numbers.store_failures.fetch_add(1, std::memory_order_relaxed);
  log::warning("push", "what follows from devices that moved or went cannot be done; it is tried again",
               {{"shard", shard}, {"after", of.cursor}, {"reason", why.text()}, {"delay_ms", of.rest_ms}});
}

bool planner_actor::react() {
  if (!journal_moved_ || now() < next_reaction_) return false;
  const auto shard = choose_shard();
  if (!shard) return false;
  auto& of = reacting_[*shard];
  auto found = read_reactions(env_->store, *shard, of.cursor, env_->options.reaction_chunk);
  if (!found) return rest(*shard, found.error()), true;
  if (found->read_up_to == of.cursor) {  // not readable yet
    of.rests_until = now() + env_->options.store_retry_ms;
    return true;
  }
  if (found->commands.empty() && found->rows.empty() &&
      found->read_up_to - of.written_cursor < reaction_cursor_lag_max) {
    of.cursor = found->read_up_to;  // nothing followed: reading it again does no harm
    of.rest_ms = 0;
    return true;
  }
  busy_ = true;
  reaction_ = running_reaction{*shard, found->read_up_to, std::move(found->rows), found->commands.size() + 1, false};
  const auto self = caf::actor_cast<planner_handle>(this);
  for (auto& c : found->commands)
    command_subscription(*env_, c.user, std::move(c.command), [self](const result<domain::erased_ptr>& reply) {
      caf::anon_send(self, reaction_done{reply.has_value()});
    });
  env_->numbers.devices_removed += found->commands.size();
  finish_reaction(true);  // the one more that was counted: so that no command is no special case
  return true;
}

void planner_actor::finish_reaction(bool done) {
  auto& r = *reaction_;
  r.failed = r.failed || !done;
  if (--r.outstanding > 0) return;
  auto finished = *std::exchange(reaction_, std::nullopt);
  busy_ = false;
  if (finished.failed) return rest(finished.shard, error{error_code::unavailable, "a device could not be removed"});
  finished.rows.push_back(
      {reaction_cursor_key(finished.shard), encode_record(reaction_cursor_row{finished.read_up_to})});
  commit(std::move(finished.rows), false,
         [this, shard = finished.shard, up_to = finished.read_up_to](const result<std::uint64_t>& outcome) {
           if (!outcome) return rest(shard, outcome.error());
           reacting_[shard] = {up_to, up_to, 0, 0};
         });
}

}  // namespace social::push
