#include "actors/push/settlement.hpp"

namespace social::push {
namespace {

void erase_delivery(domain::row_sink& sink, const lane_entry& entry, const delivery_row& row) {
  sink.erase(delivery_key(entry.name));
  sink.erase(due_key(lane_id(row.origin), entry.due, entry.name));
}

}  // namespace

bool makes_dead_letter(delivery_result result) noexcept {
  return result != delivery_result::accepted && result != delivery_result::gone;
}

std::vector<domain::row_change> rows_of_ending(const lane_entry& entry, const delivery_row& row, const ending& end,
                                               timestamp_t now) {
  std::vector<domain::row_change> out;
  domain::row_sink sink(out);
  erase_delivery(sink, entry, row);
  delivery_log_row log;
  log.event_id = row.event_id;
  log.type = row.type;
  log.created = row.created;
  log.attempts = row.attempts;
  log.result = end.result;
  log.status = end.status;
  log.answered_at = now;
  log.latency_ms = end.latency_ms;
  sink.put(log_key(entry.name, now), log);
  if (makes_dead_letter(end.result)) {
    dead_letter_row letter;
    letter.user = entry.name.user;
    letter.device = entry.name.device;
    letter.at = now;
    letter.result = end.result;
    letter.reason = end.reason;
    letter.endpoint_hash = end.endpoint_hash;
    letter.delivery = encode_record(row);
    sink.put(dead_letter_key(entry.name, now), letter);
  }
  return out;
}

std::vector<domain::row_change> rows_of_dropping(const lane_entry& entry, const delivery_row& row) {
  std::vector<domain::row_change> out;
  domain::row_sink sink(out);
  erase_delivery(sink, entry, row);
  return out;
}

std::vector<domain::row_change> rows_of_retry(const lane_entry& entry, delivery_row& row, std::string_view result,
                                              timestamp_t at) {
  row.last_result = result;
  row.next_attempt = at;
  std::vector<domain::row_change> out;
  domain::row_sink sink(out);
  sink.erase(due_key(lane_id(row.origin), entry.due, entry.name));
  sink.put(due_key(lane_id(row.origin), at, entry.name), due_row{row.origin, row.created, row.expires});
  sink.put(delivery_key(entry.name), row);
  return out;
}

result<revived> rows_of_replay(const domain::row_key& key, const dead_letter_row& letter, timestamp_t now,
                               std::int64_t ttl_ms) {
  auto row = decode_record<delivery_row>(letter.delivery);
  if (!row) return row.error();
  const auto name = delivery_name::parse(key.text);
  if (!name) return error{error_code::corrupt_record, "a dead letter without a delivery's name"};
  row->created = now;
  row->expires = now + ttl_ms;
  row->next_attempt = now;
  row->attempts = 0;
  row->last_result.clear();

  revived out;
  out.origin = row->origin;
  out.entry = {*name, now, row->created, row->expires};
  domain::row_sink sink(out.rows);
  sink.erase(key);
  sink.put(delivery_key(*name), *row);
  sink.put(due_key(lane_id(row->origin), now, *name), due_row{row->origin, row->created, row->expires});
  return out;
}

}  // namespace social::push
