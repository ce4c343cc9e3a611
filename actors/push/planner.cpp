#include "actors/push/planner.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "actors/base/log.hpp"
#include "actors/base/overloaded.hpp"
#include "actors/push/address_check.hpp"
#include "actors/push/payload.hpp"

namespace social::push {
namespace {

using namespace protocol;
using domain::subscription::device;
using subscription_state = domain::subscription::state;

/// Who did it.
std::uint64_t actor_of(const push_event& event) {
  return std::visit([](const auto& e) -> std::uint64_t { return e.user_id; }, event.body);
}

/// The one person concerned; 0: everybody.
std::uint64_t target_of(const push_event& event) {
  return std::visit(overloaded{
                        [](const user_joined&) -> std::uint64_t { return 0; },
                        [](const post_liked& e) -> std::uint64_t { return e.post_writer_id; },
                        [](const comment_created& e) -> std::uint64_t { return e.post_writer_id; },
                        [](const connection_requested& e) -> std::uint64_t { return e.target_id; },
                        [](const connection_granted& e) -> std::uint64_t { return e.target_id; },
                    },
                    event.body);
}

/// Nobody but the one who did it is concerned: whenever it comes, it tells nobody.
bool is_own_affair(const push_event& event) {
  const auto target = target_of(event);
  return target != 0 && target == actor_of(event);
}

std::string window_kind(const push_event& event) {
  if (const auto* like = std::get_if<post_liked>(&event.body)) return "like/" + std::to_string(like->post_id);
  return "join";
}

std::optional<push_event> event_of(std::string_view bytes) {
  auto record = decode_record<event_record>(bytes);
  auto event = record ? from_record(std::move(*record)) : result<push_event>(record.error());
  if (event) return std::move(*event);
  log::error("push", "a waiting event is damaged and is dropped", {{"reason", event.error().text()}});
  return std::nullopt;
}

error read_error(const ports::scan_result& scan) {
  return scan.failure;
}

}  // namespace

/// One step's working set.
struct planner::step {
  step(const ports::row_reader& rows, timestamp_t at) : rows(rows), now(at) {}
  draft rows;
  timestamp_t now;
  plan out;

  result<plan> finish() {
    if (rows.failure()) return *rows.failure();
    out.changes = rows.take_changes();
    return std::move(out);
  }
};

result<plan> planner::plan_events(const std::vector<push_event>& events, timestamp_t now) const {
  step s(rows_, now);
  std::vector<domain::row_key> wanted;
  for (const auto& event : events) {
    if (is_own_affair(event)) continue;
    wanted.push_back(seen_key(event.source, event.id));
    if (const auto target = target_of(event); target != 0) wanted.push_back(subscription_key(target));
  }
  s.rows.prefetch(wanted);
  for (const auto& event : events) plan_event(s, event);
  return s.finish();
}

void planner::plan_event(step& s, const push_event& event) const {
  if (event.time + options_.ttl_ms <= s.now) {
    ++s.out.expired;  // it stays too old: nothing has to be remembered
    return;
  }
  if (is_own_affair(event)) {
    ++s.out.nobody;  // nor here
    return;
  }
  const auto seen = seen_key(event.source, event.id);
  if (s.rows.has(seen)) {
    ++s.out.duplicates;
    return;
  }
  const auto forget_at = std::max(event.time, s.now) + options_.ttl_ms + options_.remember_beyond_ttl_ms;
  s.rows.put(seen, seen_row{forget_at});
  s.rows.put_empty(seen_due_key(seen, forget_at));

  const auto target = target_of(event);
  if (target != 0) {
    tell(s, event, target);
  } else if (options_.join_audience_everyone) {
    const auto job = fan_out_key(event.source, event.id);
    fan_out_row row;
    row.event = encode_record(to_record(event));
    row.created = s.now;
    s.rows.put(job, row);
    s.out.jobs.push_back(job);
  } else {
    ++s.out.nobody;
  }
}

void planner::tell(step& s, const push_event& event, std::uint64_t user) const {
  const auto state = s.rows.get<subscription_state>(subscription_key(user));
  if (!state || state->devices.empty()) {
    ++s.out.nobody;
    return;
  }
  for (const auto& d : state->devices) tell_device(s, event, user, d);
}

std::int64_t planner::interval_of(const push_event& event) const {
  if (std::holds_alternative<post_liked>(event.body)) return options_.likes_interval_ms;
  if (std::holds_alternative<user_joined>(event.body)) return options_.join_interval_ms;
  return 0;
}

void planner::tell_device(step& s, const push_event& event, std::uint64_t user, const device& d) const {
  if (interval_of(event) == 0) return deliver(s, event, user, d, 0, false);
  const gather_name name{user, d.seq, window_kind(event)};
  auto window = s.rows.get<gather_row>(gather_key(name));
  if (!window) {
    deliver(s, event, user, d, 0, false);
    open_window(s, name, opened_window(actor_of(event), s.now, interval_of(event)));
    return;
  }
  ++s.out.gathered;
  if (join_window(*window, event, actor_of(event), options_.gather_people_max)) s.rows.put(gather_key(name), *window);
}

void planner::open_window(step& s, const gather_name& name, const gather_row& window) const {
  s.rows.put(gather_key(name), window);
  s.rows.put_empty(gather_due_key(name, window.window_end));
  s.out.window_ends.push_back(window.window_end);
}

void planner::deliver(step& s, const push_event& event, std::uint64_t user, const device& d, std::uint64_t others,
                      bool from_window) const {
  auto texts = compose(event.body, d.locale, others);
  const auto parts = judge_endpoint(d.endpoint, {options_.allow_origins});
  delivery_row row;
  row.event_id = event.id;
  row.source = event.source;
  row.type = event.type();
  row.trace = event.trace;
  row.event_time = event.time;
  row.topic = from_window ? topic_of_tag(texts.tag) : topic_of_event(event.source, event.id);
  row.title = std::move(texts.title);
  row.body = std::move(texts.body);
  row.click_target = std::move(texts.click_target);
  row.tag = std::move(texts.tag);
  row.lang = d.locale;
  row.urgency = texts.urgency;
  if (options_.mode == push_mode::console) row.console_text = compose_console(event.body, others);
  row.origin = parts ? parts->origin : "";  // an endpoint that is judged otherwise today: found out when sending
  row.row_version = d.row_version;
  row.created = s.now;
  row.expires = std::min(event.time, s.now) + options_.ttl_ms;
  row.next_attempt = s.now;

  const delivery_name name{user, d.seq, delivery_id(event.source, event.id)};
  s.rows.put(delivery_key(name), row);
  s.rows.put(due_key(lane_id(row.origin), row.next_attempt, name), due_row{row.origin, row.created, row.expires});
  s.out.deliveries.push_back({name, row.origin, row.created, row.expires});
}

struct planner::running_job {
  domain::row_key key;
  fan_out_row row;
  push_event event;
};

/// Those that still have a way to go; the others' rows leave.
std::vector<planner::running_job> planner::running_jobs(step& s, const std::vector<domain::row_key>& jobs) const {
  std::vector<running_job> out;
  for (const auto& key : jobs) {
    auto row = s.rows.get<fan_out_row>(key);
    auto event = row ? event_of(row->event) : std::nullopt;
    const bool expired = event && event->time + options_.ttl_ms <= s.now;
    if (expired) ++s.out.expired;
    if (!event || expired)  // gone, or damaged (which has been logged): it must not stand in the way of the next
      s.rows.erase(key);
    else
      out.push_back({key, std::move(*row), std::move(*event)});
  }
  return out;
}

result<plan> planner::plan_fan_outs(const std::vector<domain::row_key>& keys, timestamp_t now) const {
  step s(rows_, now);
  auto jobs = running_jobs(s, keys);
  if (jobs.empty() || s.rows.failure()) return s.finish();

  const auto from = jobs.front().row.done_up_to;
  const auto found =
      rows_.scan_table(domain::table::subscriber_user, domain::row_key{domain::table::subscriber_user, from, 0, {}},
                       std::numeric_limits<std::uint64_t>::max(), options_.fan_out_chunk_users);
  if (found.what != ports::row_value::status::found) return read_error(found);
  std::vector<domain::row_key> wanted;
  wanted.reserve(found.rows.size());
  for (const auto& user : found.rows) wanted.push_back(subscription_key(user.key.a));
  s.rows.prefetch(wanted);
  for (const auto& user : found.rows)
    for (const auto& job : jobs)
      if (user.key.a != actor_of(job.event)) tell(s, job.event, user.key.a);

  s.out.nobody = 0;  // people without a device are no news in a fan-out
  s.out.more = found.rows.size() == options_.fan_out_chunk_users;
  s.out.done_up_to = found.rows.empty() ? from : found.rows.back().key.a;
  for (auto& job : jobs) {
    assert(job.row.done_up_to == from);
    job.row.done_up_to = s.out.done_up_to;
    job.row.users += found.rows.size();
    if (s.out.more)
      s.rows.put(job.key, job.row);
    else
      s.rows.erase(job.key);
  }
  return s.finish();
}

result<plan> planner::plan_ended_windows(timestamp_t now) const {
  step s(rows_, now);
  const auto found =
      rows_.scan_table(domain::table::gather_due, std::nullopt, static_cast<std::uint64_t>(now), options_.gather_chunk);
  if (found.what != ports::row_value::status::found) return read_error(found);
  std::vector<domain::row_key> wanted;
  for (const auto& due : found.rows) {
    if (const auto name = gather_name::parse(due.key.text)) {
      wanted.push_back(gather_key(*name));
      wanted.push_back(subscription_key(name->user));
    }
  }
  s.rows.prefetch(wanted);
  for (const auto& due : found.rows) {
    s.rows.erase(due.key);
    const auto name = gather_name::parse(due.key.text);
    const auto window = name ? s.rows.get<gather_row>(gather_key(*name)) : std::nullopt;
    if (window && static_cast<std::uint64_t>(window->window_end) == due.key.a) end_window(s, *name);
  }
  s.out.more = found.rows.size() == options_.gather_chunk;
  return s.finish();
}

void planner::end_window(step& s, const gather_name& name) const {
  const auto window = s.rows.get<gather_row>(gather_key(name));
  s.rows.erase(gather_key(name));
  if (window->last.empty()) return;  // nobody waits
  const auto last = event_of(window->last);
  if (!last) return;
  const auto& event = *last;
  const auto state = s.rows.get<subscription_state>(subscription_key(name.user));
  if (!state) return;
  const auto d = std::ranges::find(state->devices, name.device, &device::seq);
  if (d == state->devices.end()) return;
  if (event.time + options_.ttl_ms <= s.now) {
    ++s.out.expired;
    return;
  }
  deliver(s, event, name.user, *d, others_waiting(*window), true);
  // The next one is again at least an interval away from this one.
  open_window(s, name, opened_window(0, s.now, interval_of(event)));
}

result<plan> planner::plan_forgetting(timestamp_t now) const {
  step s(rows_, now);
  const auto found = rows_.scan_table(domain::table::seen_event_due, std::nullopt, static_cast<std::uint64_t>(now),
                                      options_.purge_chunk);
  if (found.what != ports::row_value::status::found) return read_error(found);
  for (const auto& due : found.rows) {
    s.rows.erase(due.key);
    s.rows.erase({domain::table::seen_event, 0, 0, due.key.text});
  }
  s.out.more = found.rows.size() == options_.purge_chunk;
  return s.finish();
}

}  // namespace social::push
