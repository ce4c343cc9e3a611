// Every number and name that the push role may be told. config/ fills it; times are in milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace social::push {

enum class push_mode : std::uint8_t {
  webpush,  ///< encrypt and send
  console,  ///< print one line per device, send nothing
};

struct push_options {
  push_mode mode = push_mode::webpush;
  std::string subject;  ///< `mailto:` or `https:`; empty: only `allow_origins` are sent to, the rest waits
  std::vector<std::string> allow_origins;  ///< exempt from the address check, as `normalize_origin` gives them
  std::string public_url;                  ///< put before `clickTarget` in the declarative form; empty: a bare path
  /// Another journal replays what a power cut takes from the push store (both roles in one process): deliveries and
  /// cursors need no fsync of their own. False: they are synced before `consume` says done.
  bool embedded = true;

  std::int64_t ttl_ms = 48LL * 3600 * 1000;             ///< life of a message, from the event's time
  std::int64_t remember_beyond_ttl_ms = 3600LL * 1000;  ///< event ids are remembered for the TTL and this
  bool join_audience_everyone = true;                   ///< who hears of a new member: everyone, or nobody
  std::int64_t join_interval_ms = 10LL * 60 * 1000;     ///< per device; 0: each join by itself
  std::int64_t likes_interval_ms = 60LL * 1000;         ///< per post and device; 0: each like by itself
  std::size_t gather_people_max = 512;  ///< people told apart in one window; beyond, each deed counts as a person

  std::size_t fan_out_chunk_users = 256;  ///< expanded per commit
  std::size_t gather_chunk = 256;         ///< ended windows per commit
  std::size_t purge_chunk = 1000;         ///< forgotten event ids per commit
  std::size_t reaction_chunk = 64;        ///< journal records per step
  std::size_t batches_waiting_max = 64;   ///< `consume` calls that wait; one more is refused as overloaded

  std::size_t workers = 2;                 ///< detached actors that read, encrypt, print
  std::size_t lanes_max = 1024;            ///< origins served at once; the others wait in the store
  std::size_t lane_requests_max = 16;      ///< under way per origin
  std::size_t lane_queue_max = 256;        ///< deliveries of an origin in memory; the rest is in the store
  std::int64_t lane_idle_ms = 300'000;     ///< a lane without work goes after this
  std::int64_t expiry_check_ms = 600'000;  ///< how often the deliveries of a lane that stands still are looked through

  std::int64_t retry_first_ms = 1000;       ///< full jitter: a random time up to this, doubling,
  std::int64_t retry_max_ms = 15 * 60'000;  ///< up to this
  std::size_t breaker_failures = 5;  ///< in a row, of a whole origin: it rests and is then tried with one message

  std::size_t key_refusals = 20;                            ///< 400, 401, 403 in a row, of a whole origin,
  std::size_t key_refusal_subscriptions = 5;                ///< from at least so many subscriptions,
  std::int64_t key_quiet_ms = 10 * 60'000;                  ///< without a 2xx in this time: our key is wrong
  std::uint32_t device_refusals = 5;                        ///< 400, 401, 403 in a row, of one subscription,
  std::int64_t device_refusal_age_ms = 24LL * 3600 * 1000;  ///< over at least this, when it ever had a success
  std::int64_t success_record_ms = 3600LL * 1000;           ///< the device's last success is written at most so often

  std::size_t log_rows_per_device = 100;        ///< answered deliveries kept
  std::size_t dead_letters_max = 10'000;        ///< kept
  std::int64_t store_retry_ms = 1000;           ///< until something that the store refused is tried again
  std::int64_t reaction_retry_max_ms = 60'000;  ///< what follows from a device: the same, doubling up to this, by shard
};

}  // namespace social::push
