// Commands under a key that their caller chose: the outcome is stored in the batch of the command itself, so that a
// repeat, also after a crash or an unknown outcome, is answered with it and does nothing.
//
// The row lies in the shard that was commanded, under the day on which it was written: a lookup asks for two days, and
// days that nobody asks for any more are removed as a whole, without a look at who might write them again.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "actors/domain/aggregate.hpp"

namespace social::domain {

/// How long an outcome is answered again.
inline constexpr timestamp_t idempotency_retention_ms = 24LL * 60 * 60 * 1000;
/// Rows of one key that a command looks up: today's and yesterday's.
inline constexpr std::size_t idempotency_rows = 2;

struct idempotency_row {
  std::string fingerprint;  ///< of what was asked
  std::int64_t at = 0;      ///< when it was decided, ms
  aggregate_kind kind{};    ///< whose reply it is
  std::string reply;        ///< encode_reply
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(fingerprint, at, kind, reply);
  }
};

/// Days since 1970; a key's row lies in its day.
constexpr std::uint64_t idempotency_day(timestamp_t now) noexcept {
  return now > 0 ? static_cast<std::uint64_t>(now / idempotency_retention_ms) : 0;
}

/// Whose key, and which: (e-mail, key) where nobody is signed in, else the key of the caller. Neither has a space.
inline std::string idempotency_name(const idempotency_mark& mark) {
  return mark.scope.empty() ? mark.key : mark.scope + ' ' + mark.key;
}

inline row_key idempotency_key(const command_context& context, std::uint64_t day) {
  const auto& mark = context.idempotency;
  return {table::idempotency, day, mark.scope.empty() ? context.caller : 0, idempotency_name(mark)};
}

/// `idempotency_rows` of them, today's first.
inline void append_idempotency_keys(const command_context& context, timestamp_t now, std::vector<row_key>& keys) {
  const auto today = idempotency_day(now);
  keys.push_back(idempotency_key(context, today));
  keys.push_back(idempotency_key(context, today > 0 ? today - 1 : 0));
}

/// Rows of this day and before are asked for by nobody any more.
constexpr std::uint64_t idempotency_day_gone(timestamp_t now) noexcept {
  const auto today = idempotency_day(now);
  return today < idempotency_rows ? 0 : today - idempotency_rows;
}

/// A reply as bytes: which alternative it is, then its record. Alternatives are only ever appended to a reply.
template <class Reply>
std::string encode_reply(const Reply& reply) {
  std::string out(1, static_cast<char>(reply.index()));
  out += std::visit([](const auto& each) { return encode_record(each); }, reply);
  return out;
}

namespace detail {
template <class Variant, std::size_t I = 0>
result<Variant> decode_reply_alternative(std::size_t index, std::string_view bytes) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return error{error_code::corrupt_record, "unknown reply " + std::to_string(index)};
  } else {
    if (index != I) return decode_reply_alternative<Variant, I + 1>(index, bytes);
    auto decoded = decode_record<std::variant_alternative_t<I, Variant>>(bytes);
    if (!decoded) return decoded.error();
    return Variant(std::in_place_index<I>, std::move(*decoded));
  }
}
}  // namespace detail

/// Errors: corrupt_record.
template <class Reply>
result<Reply> decode_reply(std::string_view bytes) {
  if (bytes.empty()) return error{error_code::corrupt_record, "empty reply"};
  return detail::decode_reply_alternative<Reply>(static_cast<std::uint8_t>(bytes.front()), bytes.substr(1));
}

}  // namespace social::domain
