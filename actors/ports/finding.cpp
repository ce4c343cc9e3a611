#include "actors/ports/finding.hpp"

#include <algorithm>
#include <string_view>

namespace social::ports {
namespace {

std::string name_of_table(domain::table where) {
  using enum domain::table;
  switch (where) {
    case state:
      return "state";
    case counts:
      return "counts";
    case email:
      return "email";
    case generation:
      return "generation";
    case post_of_owner:
      return "post_of_owner";
    case like:
      return "like";
    case comment_of_post:
      return "comment_of_post";
    case connection:
      return "connection";
    case idempotency:
      return "idempotency";
    case endpoint:
      return "endpoint";
    case delivery:
      return "delivery";
    case delivery_due:
      return "delivery_due";
    case delivery_log:
      return "delivery_log";
    case fan_out:
      return "fan_out";
    case gather:
      return "gather";
    case gather_due:
      return "gather_due";
    case seen_event:
      return "seen_event";
    case seen_event_due:
      return "seen_event_due";
    case cursor:
      return "cursor";
    case dead_letter:
      return "dead_letter";
    case subscriber_user:
      return "subscriber_user";
  }
  return "table-" + std::to_string(static_cast<unsigned>(where));
}

std::string shown(std::string_view text) {
  const auto plain = [](char c) { return c > ' ' && c < '\x7f'; };
  if (std::ranges::all_of(text, plain)) return std::string(text);
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "0x";
  for (const char c : text) {
    out.push_back(hex[static_cast<std::uint8_t>(c) >> 4]);
    out.push_back(hex[static_cast<std::uint8_t>(c) & 15]);
  }
  return out;
}

}  // namespace

std::string name_of(domain::aggregate_kind kind) {
  using enum domain::aggregate_kind;
  switch (kind) {
    case user:
      return "user";
    case post:
      return "post";
    case comment:
      return "comment";
    case subscription:
      return "subscription";
  }
  return "kind-" + std::to_string(static_cast<unsigned>(kind));
}

std::string name_of(const domain::row_key& key) {
  std::string out = name_of_table(key.where) + "/";
  const bool by_kind = (key.where == domain::table::state || key.where == domain::table::counts) && key.a < 256;
  out += by_kind ? name_of(static_cast<domain::aggregate_kind>(key.a)) : std::to_string(key.a);
  out += "/" + std::to_string(key.b);
  if (!key.text.empty()) out += "/" + shown(key.text);
  return out;
}

std::string name_of_record(shard_t shard, std::uint64_t sequence) {
  return "journal/" + std::to_string(shard) + "/" + std::to_string(sequence);
}

}  // namespace social::ports
