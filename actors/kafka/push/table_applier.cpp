#include "actors/kafka/push/table_applier.hpp"

#include <algorithm>
#include <utility>

#include "actors/base/log.hpp"
#include "actors/domain/subscription/subscription.hpp"

namespace social::kafka {
namespace {

using namespace domain::subscription;

/// Failures that have nothing to do with the record: they end when the store, or the load, is well again.
bool is_passing(error_code why) {
  switch (why) {
    case error_code::overloaded:
    case error_code::store_unavailable:
    case error_code::unavailable:
    case error_code::outcome_unknown:
    case error_code::shutting_down:
    case error_code::io_error:
      return true;
    default:
      return false;
  }
}

}  // namespace

table_applier::table_applier(ports::store store, const ports::clock& clock, table_progress& progress,
                             subscription_commands& commands, applier_options options)
    : store_(store), clock_(clock), progress_(progress), commands_(commands), options_(options) {}

result<void> table_applier::take(const std::vector<received>& records) {
  if (auto noted = note_new_table(records); !noted) return noted;
  left_behind_ = 0;
  auto all = sorted(records);
  if (auto done = run(all); !done) return done;

  timestamp_t newest = 0;
  std::map<std::int32_t, std::int64_t> next;
  for (const auto& each : records) {
    next[each.content.partition] = each.offset + 1;
    newest = std::max(newest, each.time);
  }
  if (auto saved = progress_.save(next, newest, clock_.now()); !saved) return saved;
  for (const auto& [partition, offset] : next) next_[partition] = offset;
  applied_ += records.size() - left_behind_;
  malformed_ += left_behind_;
  attempts_.clear();
  return {};
}

/// Offsets never go back, unless the topic was deleted and made anew.
result<void> table_applier::note_new_table(const std::vector<received>& records) {
  for (const auto& each : records) {
    const auto partition = each.content.partition;
    const auto known = next_.find(partition);
    const auto expected = known != next_.end() ? std::optional(known->second) : progress_.position_of(partition);
    if (!expected || each.offset >= *expected) continue;
    log::error("kafka",
               "the table of subscriptions was made anew: it is read from its beginning, and is told what it lacks",
               {{"partition", partition}, {"offset", each.offset}, {"expected", *expected}});
    next_.clear();
    return progress_.read_anew(table_audit_kind::announce, clock_.now());
  }
  return {};
}

table_applier::chains table_applier::sorted(const std::vector<received>& records) {
  chains all;
  std::unordered_map<std::string, std::size_t> numbers;
  for (const auto& each : records) {
    auto change = read_table_record(each.content);
    if (!change) {
      leave_behind(each.place(), each.offset, change.error());
      continue;
    }
    const auto [number, fresh] = numbers.try_emplace(change->endpoint_hash, all.size());
    if (fresh) all.emplace_back();
    all[number->second].steps.push_back({each.place(), each.offset, std::move(*change)});
  }
  return all;
}

result<void> table_applier::run(chains& all) {
  std::optional<error> failure;
  std::size_t next = 0;
  while (next < all.size() || commands_.under_way() > 0) {
    while (!failure && next < all.size() && commands_.under_way() < options_.under_way_max) {
      if (const auto begun = advance(next, all[next]); !begun) failure = begun.error();
      ++next;
    }
    if (failure && commands_.under_way() == 0) break;
    for (const auto& [number, outcome] : commands_.wait()) {
      auto done = on_ended(all[number], outcome);
      if (done && !failure) done = advance(number, all[number]);
      if (!done && !failure) failure = done.error();
    }
    if (commands_.stopped()) return error_code::shutting_down;
  }
  if (failure) return *std::move(failure);
  return {};
}

result<void> table_applier::advance(std::size_t number, chain& what) {
  while (!what.steps.empty()) {
    auto command = command_for(what.steps.front());
    if (!command) return command.error();
    if (*command) {
      commands_.send(number, (*command)->user, std::move((*command)->what));
      return {};
    }
    what.steps.pop_front();
  }
  return {};
}

/// Nothing, when the store is that far already.
result<std::optional<table_applier::prepared_command>> table_applier::command_for(const step& next) const {
  const auto& change = next.change;
  const auto found = store_.rows->get({domain::table::endpoint, 0, 0, change.endpoint_hash}, ports::read_tier::disk);
  if (found.what == ports::row_value::status::failed || found.what == ports::row_value::status::would_block)
    return found.failure;
  std::optional<endpoint_row> row;
  if (found.what == ports::row_value::status::found)
    if (auto decoded = decode_record<endpoint_row>(found.bytes)) row = std::move(*decoded);

  const auto place = progress_.place_of(next.offset);
  if (!change.device) {
    if (!row || row->row_version != change.row_version) return std::optional<prepared_command>();
    remove_device what{device_seq_of_hash(change.endpoint_hash), change.row_version, change.endpoint_hash,
                       removal::withdrawn};
    return std::optional(prepared_command{row->user, std::move(what)});
  }
  if (row && row->place >= place) return std::optional<prepared_command>();
  replicate_device what{change.device->device, change.device->replaces, place, progress_.oldest_place()};
  return std::optional(prepared_command{change.device->user, std::move(what)});
}

result<void> table_applier::on_ended(chain& what, const result<void>& outcome) {
  auto& done = what.steps.front();
  if (!outcome) {
    const auto& why = outcome.error();
    if (is_passing(why.code) || ++attempts_[{done.where, done.offset}] < options_.attempts_max) return why;
    leave_behind(done.where, done.offset, why);
  }
  what.steps.pop_front();
  return {};
}

void table_applier::leave_behind(const topic_partition& where, std::int64_t offset, const error& why) {
  ++left_behind_;
  if (malformed_line_.is_due())
    log::error("kafka", "a record of the table of subscriptions cannot be used and is left behind",
               {{"partition", where.partition}, {"offset", offset}, {"reason", why.text()}});
}

}  // namespace social::kafka
