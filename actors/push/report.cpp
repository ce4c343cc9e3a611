#include "actors/push/report.hpp"

#include <deque>
#include <limits>

#include "actors/base/json_writer.hpp"
#include "actors/push/rows.hpp"

namespace social::push {
namespace {

constexpr std::size_t page_rows = 1000;

void write_lane(json_writer& writer, const lane_report& lane) {
  writer.begin_object().member("origin", lane.origin).member("state", to_string(lane.state));
  if (lane.state == lane_state::waiting) writer.time_member("until", lane.waits_until);
  writer.member("queued", std::uint64_t{lane.queued}).member("underWay", std::uint64_t{lane.under_way});
  writer.member("moreInStore", lane.work_in_store);
  if (lane.oldest_created != 0) writer.time_member("oldestCreatedAt", lane.oldest_created);
  writer.end_object();
}

void write_letter(json_writer& writer, const domain::row_key& key, const dead_letter_row& letter) {
  writer.begin_object().member("id", dead_letter_id(key)).time_member("at", letter.at);
  writer.member("result", to_string(letter.result)).member("reason", letter.reason);
  writer.member("userId", letter.user).member("device", letter.device);
  if (!letter.endpoint_hash.empty()) writer.member("endpointHash", letter.endpoint_hash);
  if (const auto delivery = decode_record<delivery_row>(letter.delivery)) {
    writer.member("origin", delivery->origin).member("eventId", delivery->event_id).member("type", delivery->type);
    writer.time_member("createdAt", delivery->created).member("attempts", delivery->attempts);
  }
  writer.end_object();
}

}  // namespace

std::string report_push_json(const push_metrics& n, const push_options& options) {
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("mode", options.mode == push_mode::console ? "console" : "webpush");
  bool waits_for_subject = false;
  for (const auto& lane : n.lanes) waits_for_subject = waits_for_subject || lane.state == lane_state::no_subject;
  if (waits_for_subject) writer.member("problem", "push.subject is empty: deliveries to public push services wait");
  writer.member("pending", n.pending).member("oldestAgeMillis", n.oldest_age_ms);
  writer.key("events").begin_object().member("taken", n.events).member("duplicate", n.events_duplicate);
  writer.member("expired", n.events_expired).member("forNobody", n.events_for_nobody);
  writer.member("gathered", n.gathered).member("fanOutsWaiting", n.fan_outs_waiting).end_object();
  writer.key("deliveries").begin_object().member("planned", n.deliveries_planned);
  writer.member("dropped", n.deliveries_dropped).member("devicesRemoved", n.devices_removed).end_object();
  writer.key("answers").begin_array();
  for (const auto& a : n.answers) {
    writer.begin_object().member("originClass", a.origin_class).member("status", a.status).member("kind", a.kind);
    writer.member("count", a.count).end_object();
  }
  writer.end_array().key("deadLetters").begin_object();
  for (const auto& [result, count] : n.dead_letters) writer.member(result, count);
  writer.end_object().key("lanes").begin_array();
  for (const auto& lane : n.lanes) write_lane(writer, lane);
  writer.end_array().end_object();
  return out;
}

std::string report_dead_letters_json(const ports::row_reader& rows, std::size_t limit) {
  // The oldest come first in the table, and it is bounded: reading it through costs less than a second order of keys.
  std::deque<ports::scanned_row> newest;
  std::uint64_t total = 0;
  std::optional<domain::row_key> after;
  for (;;) {
    auto page =
        rows.scan_table(domain::table::dead_letter, after, std::numeric_limits<std::uint64_t>::max(), page_rows);
    const bool last = page.rows.size() < page_rows;
    if (!page.rows.empty()) after = page.rows.back().key;
    total += page.rows.size();
    for (auto& row : page.rows) newest.push_front(std::move(row));
    if (newest.size() > limit) newest.resize(limit);
    if (last) break;
  }
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("total", total).key("deadLetters").begin_array();
  for (const auto& row : newest)
    if (const auto letter = decode_record<dead_letter_row>(row.bytes)) write_letter(writer, row.key, *letter);
  writer.end_array().end_object();
  return out;
}

}  // namespace social::push
