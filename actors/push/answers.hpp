// What an answer of a push service means. The table of docs/push.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/ports/push_transport.hpp"
#include "actors/push/rows.hpp"

namespace social::push {

enum class verdict : std::uint8_t {
  accepted,       ///< 2xx
  gone,           ///< 404, 410: delete the subscription, compare and delete
  refused,        ///< 400, 401, 403: no retry; may mean that our key, or this subscription, is wrong
  too_large,      ///< 413: a bug of ours
  wait,           ///< 408, 429, 503 with Retry-After: the whole lane waits that long
  slow_down,      ///< 408, 429 without: the whole lane backs off
  failed,         ///< 5xx, connect, TLS, time-out: this delivery backs off
  rejected,       ///< 3xx and whatever else promises nothing: no retry
  undeliverable,  ///< the address is one that must not be contacted
  interrupted,    ///< we are stopping: as if it had not been tried
};

struct judgement {
  verdict what = verdict::failed;
  std::int64_t wait_ms = 0;  ///< with `wait`
  std::string word;          ///< `201`, `connect`, ...: for logs, metrics and reports
};

/// `now` turns the date form of Retry-After into a time to wait; `wait_ms_max` bounds it.
judgement judge(const ports::push_answer& answer, timestamp_t now, std::int64_t wait_ms_max);

/// RFC 9110 section 10.2.3: seconds, or a date in any of its three forms. Milliseconds from now, not negative; nothing
/// when it is neither.
std::optional<std::int64_t> parse_retry_after(std::string_view text, timestamp_t now);

/// Full jitter: a time from 0 to min(`first_ms` doubled `failures` - 1 times, `max_ms`), picked by `random`.
std::int64_t jittered_ms(std::uint32_t failures, std::int64_t first_ms, std::int64_t max_ms, std::uint64_t random);

/// When a delivery that failed for the `attempts`-th time is tried again: jittered, but early enough for one last try
/// before it expires. Nothing when its time is over.
std::optional<timestamp_t> next_attempt(std::uint32_t attempts, timestamp_t now, timestamp_t expires,
                                        std::int64_t first_ms, std::int64_t max_ms, std::uint64_t random);

/// How a verdict without retry is written down.
delivery_result result_of(verdict what) noexcept;

/// `fcm`, `mozilla`, `apple`, `windows`, `allowed` (by configuration) or `other`: few, so that they may name metrics.
std::string_view origin_class(std::string_view origin, bool allowed) noexcept;

}  // namespace social::push
