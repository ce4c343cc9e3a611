#include "actors/push/rows.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "actors/base/base64.hpp"
#include "actors/base/digest.hpp"
#include "actors/base/overloaded.hpp"
#include "actors/domain/subscription/subscription.hpp"

namespace social::push {
namespace {

using namespace protocol;
using domain::row_key;
using domain::table;

/// Ids of foreign producers have no bound of their own; a key has.
constexpr std::size_t id_bytes_max = 512;

std::string bounded(std::string text) {
  if (text.size() <= id_bytes_max) return text;
  const auto digest = sha256(text);
  return "sha256:" + base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::uint64_t as_key(std::int64_t ms) {
  return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
}

/// Ascending text for descending time.
std::string newest_first(std::int64_t ms) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto value = ~as_key(ms);
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(hex[(value >> shift) & 15]);
  return out;
}

std::string two_and_rest(std::uint64_t a, std::uint64_t b, std::string_view rest) {
  return std::to_string(a).append("/").append(std::to_string(b)).append("/").append(rest);
}

struct parsed_text {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::string rest;
};
std::optional<parsed_text> parse_two_and_rest(std::string_view text) {
  parsed_text out;
  for (auto* part : {&out.a, &out.b}) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (problem != std::errc() || end == text.data() + text.size() || *end != '/') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  }
  out.rest = text;
  return out;
}

}  // namespace

event_record to_record(const push_event& event) {
  event_record r;
  r.body = static_cast<std::uint8_t>(event.body.index());
  r.id = event.id;
  r.source = event.source;
  r.time = event.time;
  r.trace = event.trace;
  std::visit(overloaded{
                 [&](const user_joined& e) { r.user = e.user_id, r.name = e.name; },
                 [&](const post_liked& e) {
                   r.user = e.user_id, r.target = e.post_writer_id, r.post = e.post_id;
                   r.name = e.name, r.contents = e.contents;
                 },
                 [&](const comment_created& e) {
                   r.user = e.user_id, r.target = e.post_writer_id, r.post = e.post_id, r.comment = e.comment_id;
                   r.name = e.commenter_name, r.contents = e.contents;
                 },
                 [&](const connection_requested& e) { r.user = e.user_id, r.target = e.target_id, r.name = e.name; },
                 [&](const connection_granted& e) { r.user = e.user_id, r.target = e.target_id, r.name = e.name; },
             },
             event.body);
  return r;
}

result<push_event> from_record(event_record r) {
  push_event event{std::move(r.id), std::move(r.source), r.time, std::move(r.trace), user_joined{}};
  switch (r.body) {
    case 0:
      event.body = user_joined{r.user, std::move(r.name)};
      break;
    case 1:
      event.body = post_liked{r.post, r.target, r.user, std::move(r.name), std::move(r.contents)};
      break;
    case 2:
      event.body = comment_created{r.post, r.target, r.comment, r.user, std::move(r.name), std::move(r.contents)};
      break;
    case 3:
      event.body = connection_requested{r.user, r.target, std::move(r.name)};
      break;
    case 4:
      event.body = connection_granted{r.user, r.target, std::move(r.name)};
      break;
    default:
      return error{error_code::corrupt_record, "push event with unknown body " + std::to_string(r.body)};
  }
  return event;
}

std::string_view to_string(delivery_result value) noexcept {
  static constexpr std::array<std::string_view, 8> words = {"",          "accepted", "gone",          "refused",
                                                            "too-large", "expired",  "undeliverable", "rejected"};
  const auto index = static_cast<std::size_t>(value);
  return index < words.size() ? words[index] : words[0];
}

std::string delivery_name::text() const {
  return two_and_rest(user, device, id);
}

std::optional<delivery_name> delivery_name::parse(std::string_view text) {
  auto parsed = parse_two_and_rest(text);
  if (!parsed) return std::nullopt;
  return delivery_name{parsed->a, parsed->b, std::move(parsed->rest)};
}

std::string delivery_id(std::string_view source, std::string_view event_id) {
  const auto digest = sha256(source);
  const auto mark = base64url_encode({reinterpret_cast<const char*>(digest.data()), 6});
  return bounded(std::string(event_id).append("@").append(mark));
}

std::string gather_name::text() const {
  return two_and_rest(user, device, kind);
}

std::optional<gather_name> gather_name::parse(std::string_view text) {
  auto parsed = parse_two_and_rest(text);
  if (!parsed) return std::nullopt;
  return gather_name{parsed->a, parsed->b, std::move(parsed->rest)};
}

std::uint64_t lane_id(std::string_view origin) {
  return first_64_bits(sha256(origin));
}

std::string dead_letter_id(const row_key& key) {
  constexpr std::size_t mark_characters = 12;
  const auto digest = sha256(key.text);
  const auto mark = base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  return std::to_string(key.a) + "-" + mark.substr(0, mark_characters);
}

row_key subscription_key(std::uint64_t user) {
  return {table::state, static_cast<std::uint64_t>(domain::aggregate_kind::subscription), user, {}};
}

row_key endpoint_key(std::string_view endpoint) {
  return {table::endpoint, 0, 0, domain::subscription::endpoint_hash(endpoint)};
}

row_key delivery_key(const delivery_name& name) {
  return {table::delivery, name.user, name.device, name.id};
}

row_key due_key(std::uint64_t lane, std::int64_t at, const delivery_name& name) {
  return {table::delivery_due, lane, as_key(at), name.text()};
}

row_key log_key(const delivery_name& name, std::int64_t answered_at) {
  return {table::delivery_log, name.user, name.device, newest_first(answered_at) + "/" + name.id};
}

row_key dead_letter_key(const delivery_name& name, std::int64_t at) {
  return {table::dead_letter, as_key(at), 0, name.text()};
}

row_key gather_key(const gather_name& name) {
  return {table::gather, name.user, name.device, name.kind};
}

row_key gather_due_key(const gather_name& name, std::int64_t window_end) {
  return {table::gather_due, as_key(window_end), 0, name.text()};
}

row_key fan_out_key(std::string_view source, std::string_view event_id) {
  return {table::fan_out, 0, 0, delivery_id(source, event_id)};
}

row_key seen_key(std::string_view source, std::string_view event_id) {
  return {table::seen_event, 0, 0, bounded(std::string(source).append("\n").append(event_id))};
}

row_key seen_due_key(const row_key& seen, std::int64_t forget_at) {
  return {table::seen_event_due, as_key(forget_at), 0, seen.text};
}

row_key reaction_cursor_key(std::uint64_t shard) {
  return {table::cursor, shard, 0, "push-devices"};
}

}  // namespace social::push
