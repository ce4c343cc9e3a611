// Rows, named logically. The rules say which row means what; how a key looks as bytes is known to storage only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/record.hpp"

namespace social::domain {

/// Tables of both stores. Numbers are frozen: they are the first byte of a key.
enum class table : std::uint8_t {
  state = 1,            ///< a = kind, b = id: the state of an aggregate; the truth
  counts = 2,           ///< a = kind, b = id: absolute counters of an aggregate, apart from its text
  email = 3,            ///< text = lower-cased e-mail: email_row. Owner: User
  generation = 4,       ///< a = user: generation_row. Owner: User
  post_of_owner = 5,    ///< a = owner, b = post (newest first): empty. Owner: Post
  like = 6,             ///< a = post, b = user: like_row. Owner: Post
  comment_of_post = 7,  ///< a = post, b = comment (newest first): empty. Owner: Post
  connection = 8,       ///< a = owner (who grants), b = caller (who asked): connection_row. Owner: the owner's User
  idempotency = 9,      ///< a = day, b = caller, text = key: idempotency_row. Both stores. Owner: the commanded shard
  // push store
  endpoint = 32,         ///< text = SHA-256 of an endpoint: endpoint_row. Last write wins
  delivery = 33,         ///< a = user, b = device, text = event id and source: one message to one device
  delivery_due = 34,     ///< a = hash of the origin, b = next attempt (ms), text = delivery: order of work of a lane
  delivery_log = 35,     ///< a = user, b = device, text = newest first: answered deliveries, bounded
  fan_out = 36,          ///< text = event id: a job that expands to everybody's devices, with its cursor
  gather = 37,           ///< a = user, b = device, text = kind and post: what waits to go as one
  gather_due = 38,       ///< a = end of the window (ms), text = gather key
  seen_event = 39,       ///< text = source and event id: duplicates are recognised by it
  seen_event_due = 40,   ///< a = forget at (ms), text = source and event id
  cursor = 41,           ///< a = shard, text = subscriber: how far a durable subscriber has come
  dead_letter = 42,      ///< a = when (ms), text = id: what could not be delivered, with its reason
  subscriber_user = 43,  ///< a = user: empty; users who have a device, for fan-outs. Owner: Subscription
};

/// Names one row. `b` is stored descending in tables that say "newest first".
struct row_key {
  table where = table::state;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::string text;
  friend bool operator==(const row_key&, const row_key&) = default;
};

struct row_key_hash {
  std::size_t operator()(const row_key& key) const noexcept {
    std::size_t h = std::hash<std::string>{}(key.text);
    for (const std::uint64_t part : {static_cast<std::uint64_t>(key.where), key.a, key.b})
      h = (h ^ part) * 0x9E3779B97F4A7C15ULL;
    return h ^ (h >> 29);
  }
};

/// A row to write (`value`) or to remove (no value).
struct row_change {
  row_key key;
  std::optional<std::string> value;
};

/// Where projections put their rows.
class row_sink {
 public:
  explicit row_sink(std::vector<row_change>& out) : out_(out) {}
  template <record T>
  void put(row_key key, const T& value) {
    out_.push_back({std::move(key), encode_record(value)});
  }
  void put_empty(row_key key) { out_.push_back({std::move(key), std::string()}); }
  void erase(row_key key) { out_.push_back({std::move(key), std::nullopt}); }

 private:
  std::vector<row_change>& out_;
};

/// Who somebody is to others: a snapshot kept in rows that show that person, renewed by events.
struct person {
  std::uint64_t seq = 0;
  std::string name;
  std::string email;
  std::optional<std::string> profile_image_url;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, name, email, profile_image_url);
  }
  friend bool operator==(const person&, const person&) = default;
};

}  // namespace social::domain
