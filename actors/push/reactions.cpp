#include "actors/push/reactions.hpp"

#include <algorithm>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/push/draft.hpp"
#include "actors/push/rows.hpp"

namespace social::push {
namespace {

using namespace domain::subscription;

constexpr std::size_t record_bytes_max = 1 << 20;
constexpr std::size_t rows_of_device_max = 1000;

std::optional<device> find_device(draft& rows, id_t user, std::uint64_t seq) {
  const auto found = rows.get<state>(subscription_key(user));
  if (!found) return std::nullopt;
  const auto d = std::ranges::find(found->devices, seq, &device::seq);
  return d == found->devices.end() ? std::nullopt : std::optional(*d);
}

/// The endpoint is another person's now: the one it was taken from loses the device, unless it has come back since.
void leave_previous_user(draft& rows, id_t previous, std::uint64_t seq, reactions& out) {
  if (previous == 0) return;
  const auto stale = find_device(rows, previous, seq);
  if (!stale) return;
  const auto owner = rows.get<endpoint_row>(endpoint_key(stale->endpoint));
  if (owner && owner->user == previous && owner->row_version == stale->row_version) return;
  out.commands.push_back(
      {previous, {stale->seq, stale->row_version, endpoint_hash(stale->endpoint), removal::superseded}});
}

/// A device over the limit, or one that was removed by its number alone, leaves its endpoint row behind.
void leave_endpoint_rows(draft& rows, id_t user, const std::vector<withdrawn_version>& withdrawn, reactions& out) {
  for (const auto& gone : withdrawn) {
    const auto owner = rows.get<endpoint_row>({domain::table::endpoint, 0, 0, gone.endpoint_hash});
    if (!owner || owner->user != user || owner->row_version != gone.row_version) continue;
    out.commands.push_back(
        {user, {device_seq_of_hash(gone.endpoint_hash), gone.row_version, gone.endpoint_hash, removal::withdrawn}});
  }
}

void forget_device(const ports::store& store, draft& rows, id_t user, std::uint64_t seq, reactions& out) {
  if (find_device(rows, user, seq)) return;  // it has come back
  for (const auto where : {domain::table::delivery_log, domain::table::gather}) {
    ports::scan_request request;
    request.where = where;
    request.a = user;
    if (seq > 0) request.after_b = seq - 1;
    request.rows_max = rows_of_device_max;
    for (const auto& row : store.rows->scan(request, ports::read_tier::disk).rows)
      if (row.key.b == seq) out.rows.push_back({row.key, std::nullopt});
  }
}

}  // namespace

result<reactions> read_reactions(const ports::store& store, shard_t shard, std::uint64_t after,
                                 std::size_t records_max) {
  reactions out;
  out.read_up_to = after;
  const auto records = store.log->read(shard, after, records_max, record_bytes_max);
  if (!records) return records.error();
  draft rows(*store.rows);
  for (const auto& record : *records) {
    for (const auto& encoded : record.events) {
      if (encoded.kind != domain::aggregate_kind::subscription) continue;
      auto event = domain::decode_event<domain::subscription_aggregate>(encoded.type, encoded.bytes);
      if (!event) continue;  // of a newer version: the check at delivery does without it
      if (const auto* e = std::get_if<device_subscribed>(&*event)) {
        leave_previous_user(rows, e->previous_user, e->subscribed.seq, out);
        leave_endpoint_rows(rows, e->user, e->withdrawn, out);
        for (const auto seq : e->replaced) forget_device(store, rows, e->user, seq, out);
      } else if (const auto* e = std::get_if<device_replicated>(&*event)) {
        leave_previous_user(rows, e->previous_user, e->replicated.seq, out);
        leave_endpoint_rows(rows, e->user, e->withdrawn, out);
        for (const auto seq : e->replaced) forget_device(store, rows, e->user, seq, out);
      } else if (const auto* e = std::get_if<domain::subscription::device_removed>(&*event)) {
        leave_endpoint_rows(rows, e->user, e->withdrawn, out);
        forget_device(store, rows, e->user, e->seq, out);
      }
    }
    out.read_up_to = record.first_sequence + record.events.size() - 1;
  }
  if (rows.failure()) return *rows.failure();
  return out;
}

result<std::vector<std::uint64_t>> reaction_cursors(const ports::store& store) {
  std::vector<std::uint64_t> found;
  draft rows(*store.rows);
  for (shard_t shard = 0; shard < store.log->shards(); ++shard) {
    const auto row = rows.get<reaction_cursor_row>(reaction_cursor_key(shard));
    found.push_back(row ? row->position : 0);
  }
  if (rows.failure()) return *rows.failure();
  return found;
}

}  // namespace social::push
