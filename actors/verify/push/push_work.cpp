// The work queues of the push store.
#include "actors/domain/idempotency.hpp"
#include "actors/verify/push/push_check.hpp"

namespace social::verify {
namespace {

using namespace domain;

std::string due_member(const row_key& key, const push::due_row& due) {
  return set_member(key.text + '\n' + encode_record(due), key.a, key.b);
}

push::due_row due_of(const push::delivery_row& delivery) {
  return {delivery.origin, delivery.created, delivery.expires};
}
row_key due_key_of(const row_key& delivery_key, const push::delivery_row& delivery) {
  return push::due_key(push::lane_id(delivery.origin), delivery.next_attempt,
                       {delivery_key.a, delivery_key.b, delivery_key.text});
}

}  // namespace

void push_check::check_deliveries() {
  for_each_row(store_, table::delivery, [this](const ports::scanned_row& row) { check_delivery(row); });
  for_each_row(store_, table::delivery_due, [this](const ports::scanned_row& row) { check_due(row); });
  if (due_wanted_ != due_there_) explain_deliveries();
}

void push_check::check_delivery(const ports::scanned_row& row) {
  ++summary_.deliveries;
  const auto delivery = decoded<push::delivery_row>(store_, row);
  if (!delivery) return;
  // Its device may have left meanwhile: that is found out when it is due. But whoever had one has a state.
  if (!users_.has(row.key.a)) store_.found("owner", row.key, "goes to a user who never had a device");
  due_wanted_.add(due_member(due_key_of(row.key, *delivery), due_of(*delivery)));
}

void push_check::check_due(const ports::scanned_row& row) {
  const auto due = decoded<push::due_row>(store_, row);
  if (!push::delivery_name::parse(row.key.text)) store_.found("key", row.key, "names no delivery");
  if (due) due_there_.add(due_member(row.key, *due));
}

void push_check::explain_deliveries() {
  for_each_row(store_, table::delivery, [this](const ports::scanned_row& row) {
    const auto delivery = decode_record<push::delivery_row>(row.bytes);
    if (!delivery) return;
    const auto key = due_key_of(row.key, *delivery);
    const auto due = looked_up<push::due_row>(store_, key);
    if (!due)
      store_.found("view", key, "is missing: " + ports::name_of(row.key) + " is never tried");
    else if (encode_record(*due) != encode_record(due_of(*delivery)))
      store_.found("view", key, "says something else than " + ports::name_of(row.key));
  });
  for_each_row(store_, table::delivery_due, [this](const ports::scanned_row& row) {
    const auto name = push::delivery_name::parse(row.key.text);
    if (!name) return;
    const auto key = push::delivery_key(*name);
    const auto delivery = looked_up<push::delivery_row>(store_, key);
    if (!delivery || !(due_key_of(key, *delivery) == row.key))
      store_.found("view", row.key, "names a delivery that is not due then");
  });
}

/// A window whose device has left leaves its end behind, which then does nothing: so only windows are asked for.
void push_check::check_gathering() {
  for_each_row(store_, table::gather, [this](const ports::scanned_row& row) {
    const auto window = decoded<push::gather_row>(store_, row);
    if (!window) return;
    if (!users_.has(row.key.a)) store_.found("owner", row.key, "gathers for a user who never had a device");
    const auto due = push::gather_due_key({row.key.a, row.key.b, row.key.text}, window->window_end);
    if (!is_there(due)) store_.found("view", due, "is missing: " + ports::name_of(row.key) + " never ends");
    if (!window->last.empty() && !decode_record<push::event_record>(window->last))
      store_.found("decode", row.key, "holds an event that does not decode");
  });
  for_each_row(store_, table::gather_due, [this](const ports::scanned_row& row) {
    expect_empty(store_, row);
    if (!push::gather_name::parse(row.key.text)) store_.found("key", row.key, "names no window");
  });
}

void push_check::check_seen() {
  for_each_row(store_, table::seen_event, [this](const ports::scanned_row& row) {
    const auto seen = decoded<push::seen_row>(store_, row);
    if (!seen) return;
    const auto due = push::seen_due_key(row.key, seen->forget_at);
    seen_wanted_.add(set_member(due.text, due.a));
  });
  for_each_row(store_, table::seen_event_due, [this](const ports::scanned_row& row) {
    expect_empty(store_, row);
    seen_there_.add(set_member(row.key.text, row.key.a));
  });
  if (seen_wanted_ != seen_there_) explain_seen();
}

void push_check::explain_seen() {
  for_each_row(store_, table::seen_event, [this](const ports::scanned_row& row) {
    const auto seen = decode_record<push::seen_row>(row.bytes);
    if (!seen) return;
    const auto due = push::seen_due_key(row.key, seen->forget_at);
    if (!is_there(due)) store_.found("view", due, "is missing: the event is remembered for ever");
  });
  for_each_row(store_, table::seen_event_due, [this](const ports::scanned_row& row) {
    const row_key key{table::seen_event, 0, 0, row.key.text};
    const auto seen = looked_up<push::seen_row>(store_, key);
    if (!seen || push::seen_due_key(key, seen->forget_at).a != row.key.a)
      store_.found("view", row.key, "names an event that is not to be forgotten then");
  });
}

void push_check::check_jobs() {
  for_each_row(store_, table::fan_out, [this](const ports::scanned_row& row) {
    const auto job = decoded<push::fan_out_row>(store_, row);
    if (!job) return;
    auto event = decode_record<push::event_record>(job->event);
    if (!event || !push::from_record(std::move(*event)))
      store_.found("decode", row.key, "holds an event that does not decode");
  });
}

void push_check::check_logs() {
  for_each_row(store_, table::delivery_log,
               [this](const ports::scanned_row& row) { (void)decoded<push::delivery_log_row>(store_, row); });
  for_each_row(store_, table::dead_letter, [this](const ports::scanned_row& row) {
    ++summary_.dead_letters;
    const auto letter = decoded<push::dead_letter_row>(store_, row);
    if (!letter) return;
    if (!decode_record<push::delivery_row>(letter->delivery))
      store_.found("decode", row.key, "holds a delivery that does not decode");
    if (!push::delivery_name::parse(row.key.text)) store_.found("key", row.key, "names no delivery");
  });
  for_each_row(store_, table::idempotency, [this](const ports::scanned_row& row) {
    const auto kept = decoded<idempotency_row>(store_, row);
    if (kept && idempotency_day(kept->at) != row.key.a)
      store_.found("key", row.key, "lies under another day than its own");
  });
}

}  // namespace social::verify
