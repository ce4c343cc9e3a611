#include "actors/push/workbench.hpp"

#include <algorithm>

#include "actors/base/digest.hpp"
#include "actors/push/address_check.hpp"
#include "actors/push/draft.hpp"
#include "actors/push/payload.hpp"
#include "actors/push/settlement.hpp"

namespace social::push {
namespace {

using outcome = prepared::outcome;
using ports::row_value;

constexpr std::size_t idle_key_pairs = 8;
/// Log rows are counted at one delivery of so many: a bound that is exceeded by a few costs less than a scan each time.
constexpr std::size_t log_trim_every = 16;
constexpr std::size_t log_trim_rows = 64;

lane_entry entry_of(const delivery_name& name, const ports::scanned_row& row, const due_row& due) {
  return {name, static_cast<std::int64_t>(row.key.b), due.created, due.expires};
}

}  // namespace

std::string endpoint_digest(std::string_view endpoint) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto digest = sha256(endpoint);
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

workbench::workbench(workbench_parts parts) : parts_(std::move(parts)) {}

prepared workbench::prepare(const lane_entry& entry) {
  prepared p;
  p.entry = entry;
  draft rows(*parts_.rows);
  auto row = rows.get<delivery_row>(delivery_key(entry.name));
  if (rows.failure()) {
    p.what = outcome::store_failed;
    return p;
  }
  if (!row || row->next_attempt != entry.due) return p;
  p.row = std::move(*row);
  if (p.row.expires <= parts_.clock->now()) {
    p.what = outcome::expired;
    return p;
  }
  find_device(p);
  if (p.what != outcome::send) return p;
  find_old_log_rows(p);
  ++p.row.attempts;
  if (parts_.options->mode == push_mode::console)
    print(p);
  else
    make_request(p);
  return p;
}

void workbench::find_device(prepared& p) const {
  draft rows(*parts_.rows);
  const auto user = rows.get<domain::subscription::state>(subscription_key(p.entry.name.user));
  p.what = rows.failure() ? outcome::store_failed : outcome::device_gone;
  if (!user) return;
  const auto found = std::ranges::find(user->devices, p.entry.name.device, &domain::subscription::device::seq);
  if (found == user->devices.end()) return;
  p.device = *found;
  // The endpoint row is the truth about who owns an endpoint: what it does not confirm gets nothing.
  const auto owner = rows.get<domain::subscription::endpoint_row>(endpoint_key(found->endpoint));
  if (rows.failure())
    p.what = outcome::store_failed;
  else if (!owner || owner->user != p.entry.name.user || owner->row_version != found->row_version)
    p.what = outcome::moved;
  else
    p.what = outcome::send;
}

void workbench::print(prepared& p) const {
  const auto& text = p.row.console_text.empty() ? (p.row.body.empty() ? p.row.title : p.row.body) : p.row.console_text;
  parts_.console(console_line(p.device.endpoint, text));
  p.what = outcome::printed;
}

result<std::string> workbench::authorize(std::string_view origin, std::string_view key_id) const {
  auto token = parts_.vapid->authorization(origin, key_id, parts_.clock->now());
  if (token || token.error().code != error_code::not_found) return token;
  // Another process of this data directory may have rotated the key.
  if (auto again = parts_.keys->reload(); !again) return again.error();
  return parts_.vapid->authorization(origin, key_id, parts_.clock->now());
}

void workbench::make_request(prepared& p) {
  const auto fail = [&](std::string reason) {
    p.what = outcome::undeliverable;
    p.reason = std::move(reason);
  };
  const auto parts = judge_endpoint(p.device.endpoint, {parts_.options->allow_origins});
  if (!parts) return fail("the endpoint is not allowed: " + std::string(parts.error().text()));

  payload_fields fields;
  fields.title = p.row.title;
  fields.body = p.row.body;
  fields.click_target = p.row.click_target;
  fields.tag = p.row.tag;
  fields.lang = p.row.lang;
  fields.public_url = parts_.options->public_url;
  fields.event_id = p.row.event_id;
  fields.event_type = p.row.type;
  fields.created_at = p.row.event_time;
  const auto started = parts_.clock->monotonic_us();
  auto body = encryptor_.encrypt(make_payload(fields, payload_bytes_max), p.device.p256dh, p.device.auth);
  p.encryption_us = parts_.clock->monotonic_us() - started;
  if (!body) return fail("the message cannot be encrypted: " + std::string(body.error().text()));
  auto token = authorize(parts->origin, p.device.vapid_key_id);
  if (!token) return fail("no token for this subscription's VAPID key: " + std::string(token.error().text()));

  p.request.endpoint = p.device.endpoint;
  p.request.body = std::move(*body);
  p.request.authorization = std::move(*token);
  p.request.ttl_s = static_cast<std::uint64_t>((p.row.expires - parts_.clock->now() + 999) / 1000);
  p.request.urgency = to_string(p.row.urgency);
  p.request.topic = p.row.topic;
  p.what = outcome::send;
}

void workbench::find_old_log_rows(prepared& p) const {
  if (std::hash<std::string>{}(p.entry.name.id) % log_trim_every != 0) return;
  ports::scan_request request;
  request.where = domain::table::delivery_log;
  request.a = p.entry.name.user;
  if (p.entry.name.device > 0) request.after_b = p.entry.name.device - 1;
  request.skip = parts_.options->log_rows_per_device;
  request.rows_max = log_trim_rows;
  const auto found = parts_.rows->scan(request, ports::read_tier::disk);
  if (found.what != row_value::status::found) return;
  for (const auto& row : found.rows)
    if (row.key.b == p.entry.name.device) p.old_log_rows.push_back(row.key);
}

loaded_rows workbench::load(const std::string& origin, const lane::load& what) const {
  const auto id = lane_id(origin);
  const auto now = static_cast<std::uint64_t>(parts_.clock->now());
  const domain::row_key from{domain::table::delivery_due, id, static_cast<std::uint64_t>(what.from), {}};
  const auto found = parts_.rows->scan_table(domain::table::delivery_due, from, id, what.rows_max);
  loaded_rows out;
  out.failed = found.what != row_value::status::found;
  out.more = found.rows.size() == what.rows_max;
  for (const auto& row : found.rows) {
    if (row.key.b > now) {
      out.next_due = static_cast<timestamp_t>(row.key.b);
      out.more = false;
      break;
    }
    const auto name = delivery_name::parse(row.key.text);
    const auto due = decode_record<due_row>(row.bytes);
    if (name && due) out.entries.push_back(entry_of(*name, row, *due));
  }
  return out;
}

swept_rows workbench::sweep(const std::string& origin, const std::optional<domain::row_key>& after) const {
  const auto id = lane_id(origin);
  const auto start = after.value_or(domain::row_key{domain::table::delivery_due, id, 0, {}});
  const auto found = parts_.rows->scan_table(domain::table::delivery_due, start, id, sweep_rows);
  swept_rows out;
  out.failed = found.what != row_value::status::found;
  const auto now = parts_.clock->now();
  draft rows(*parts_.rows);
  for (const auto& row : found.rows) {
    const auto name = delivery_name::parse(row.key.text);
    const auto due = decode_record<due_row>(row.bytes);
    if (!name || !due) continue;
    if (due->expires > now) {
      if (!out.first_due) out.first_due = static_cast<timestamp_t>(row.key.b);
      continue;
    }
    prepared p;
    p.what = outcome::expired;
    p.entry = entry_of(*name, row, *due);
    if (auto delivery = rows.get<delivery_row>(delivery_key(*name))) {
      p.row = std::move(*delivery);
      out.expired.push_back(std::move(p));
    }
  }
  if (found.rows.size() == sweep_rows) out.after = found.rows.back().key;
  return out;
}

void workbench::use_idle_time() {
  if (parts_.options->mode == push_mode::webpush) encryptor_.prepare_key_pairs(idle_key_pairs);
}

}  // namespace social::push
