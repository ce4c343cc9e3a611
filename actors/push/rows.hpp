// The push store's own rows: their records and their keys. Golden bytes pin the records
// (tests/unit/push/test_rows.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/row.hpp"
#include "actors/protocol/public_event.hpp"
#include "actors/push/texts.hpp"

namespace social::push {

/// A push event as it waits in a row. Numbers of `body` are those of protocol::push_event_body, frozen.
struct event_record {
  std::uint8_t body = 0;
  std::string id;
  std::string source;
  std::int64_t time = 0;
  std::string trace;
  std::uint64_t user = 0;    ///< who acted
  std::uint64_t target = 0;  ///< the post's writer, the target of a connection
  std::uint64_t post = 0;
  std::uint64_t comment = 0;
  std::string name;
  std::string contents;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(body, id, source, time, trace, user, target, post, comment, name, contents);
  }
};
event_record to_record(const protocol::push_event& event);
/// Errors: corrupt_record when `body` is no number of an event.
result<protocol::push_event> from_record(event_record record);

/// One message to one device, from the decision until it is answered for good.
struct delivery_row {
  std::string event_id;
  std::string source;
  std::string type;  ///< `comment-created`, ...
  std::string trace;
  std::int64_t event_time = 0;
  std::string title;
  std::string body;
  std::string click_target;
  std::string tag;
  std::string lang;
  push::urgency urgency = push::urgency::normal;
  std::string topic;
  std::string console_text;       ///< only when planned in console mode
  std::string origin;             ///< of the endpoint
  std::uint64_t row_version = 0;  ///< the device's when planned
  std::int64_t created = 0;
  std::int64_t expires = 0;
  std::int64_t next_attempt = 0;
  std::uint32_t attempts = 0;
  std::string last_result;  ///< word of the last answer; empty: none yet
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(event_id, source, type, trace, event_time, title, body, click_target, tag, lang, urgency, topic, console_text,
      origin, row_version, created, expires, next_attempt, attempts, last_result);
  }
};

/// What the order of work has to know of a delivery without reading it.
struct due_row {
  std::string origin;
  std::int64_t created = 0;
  std::int64_t expires = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(origin, created, expires);
  }
};

/// How a delivery ended. Numbers are frozen.
enum class delivery_result : std::uint8_t {
  accepted = 1,       ///< any 2xx, or printed
  gone = 2,           ///< 404, 410: the subscription is deleted
  refused = 3,        ///< 400, 401, 403
  too_large = 4,      ///< 413
  expired = 5,        ///< its time ran out
  undeliverable = 6,  ///< no message could be made, or the address is forbidden
  rejected = 7,       ///< 3xx and every other answer that promises nothing
};
std::string_view to_string(delivery_result value) noexcept;

struct delivery_log_row {
  std::string event_id;
  std::string type;
  std::int64_t created = 0;
  std::uint32_t attempts = 0;
  delivery_result result = delivery_result::accepted;
  std::uint32_t status = 0;  ///< HTTP; 0: none
  std::int64_t answered_at = 0;
  std::int64_t latency_ms = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(event_id, type, created, attempts, result, status, answered_at, latency_ms);
  }
};

struct dead_letter_row {
  std::uint64_t user = 0;
  std::uint64_t device = 0;
  std::int64_t at = 0;
  delivery_result result = delivery_result::expired;
  std::string reason;         ///< a sentence for the operator, without the endpoint
  std::string endpoint_hash;  ///< first 16 hexadecimal digits of its SHA-256; empty: unknown
  std::string delivery;       ///< encode_record of the delivery_row
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, device, at, result, reason, endpoint_hash, delivery);
  }
};

/// A window in which likes of a post, or joins, wait to go to one device as one.
struct gather_row {
  std::int64_t window_end = 0;
  std::uint64_t opened_by = 0;        ///< who was named in the message that opened the window; 0: a gathered one did
  std::vector<std::uint64_t> people;  ///< who waits, each once, without `opened_by`; bounded
  std::uint64_t more = 0;             ///< deeds beyond that bound
  std::string last;                   ///< encode_record of the last event_record; empty: nobody waits
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(window_end, opened_by, people, more, last);
  }
};

/// An event for everybody's devices, and how far it has been expanded.
struct fan_out_row {
  std::string event;             ///< encode_record of the event_record
  std::int64_t created = 0;      ///< order of work
  std::uint64_t done_up_to = 0;  ///< last subscriber_user expanded
  std::uint64_t users = 0;       ///< expanded so far
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(event, created, done_up_to, users);
  }
};

struct seen_row {
  std::int64_t forget_at = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(forget_at);
  }
};

/// How far the push role has followed its own store's journal (devices that moved or went).
struct reaction_cursor_row {
  std::uint64_t position = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(position);
  }
};

/// Names one delivery. `id` is the event's id, marked with a hash of its source: two stores may count alike.
struct delivery_name {
  std::uint64_t user = 0;
  std::uint64_t device = 0;
  std::string id;
  friend bool operator==(const delivery_name&, const delivery_name&) = default;
  /// `<user>/<device>/<id>`: unique in the store.
  [[nodiscard]] std::string text() const;
  static std::optional<delivery_name> parse(std::string_view text);
};
std::string delivery_id(std::string_view source, std::string_view event_id);

/// Names one window: `kind` is "join" or "like/<post>".
struct gather_name {
  std::uint64_t user = 0;
  std::uint64_t device = 0;
  std::string kind;
  [[nodiscard]] std::string text() const;
  static std::optional<gather_name> parse(std::string_view text);
};

/// First 64 bits of the SHA-256 of an origin.
std::uint64_t lane_id(std::string_view origin);

/// How an operator names a dead letter: `<milliseconds>-<12 characters>`.
std::string dead_letter_id(const domain::row_key& key);

domain::row_key subscription_key(std::uint64_t user);
domain::row_key endpoint_key(std::string_view endpoint);
domain::row_key delivery_key(const delivery_name& name);
domain::row_key due_key(std::uint64_t lane, std::int64_t at, const delivery_name& name);
domain::row_key log_key(const delivery_name& name, std::int64_t answered_at);
domain::row_key dead_letter_key(const delivery_name& name, std::int64_t at);
domain::row_key gather_key(const gather_name& name);
domain::row_key gather_due_key(const gather_name& name, std::int64_t window_end);
domain::row_key fan_out_key(std::string_view source, std::string_view event_id);
domain::row_key seen_key(std::string_view source, std::string_view event_id);
domain::row_key seen_due_key(const domain::row_key& seen, std::int64_t forget_at);
domain::row_key reaction_cursor_key(std::uint64_t shard);

}  // namespace social::push
