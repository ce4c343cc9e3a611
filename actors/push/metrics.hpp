// Numbers of the push role: what counts them, and the plain struct that is exported.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/push/lane.hpp"

namespace social::push {

/// Counts per bucket, each for itself (not summed up), the last one without a bound.
struct histogram_numbers {
  std::vector<std::int64_t> bounds_us;  ///< inclusive upper bounds
  std::vector<std::uint64_t> counts;    ///< one more than bounds
  std::uint64_t sum_us = 0;
  [[nodiscard]] std::uint64_t total() const noexcept;
};

/// One lane as reports and metrics see it. No part of an endpoint but its origin.
struct lane_report {
  std::string origin;
  lane_state state = lane_state::flowing;
  timestamp_t waits_until = 0;  ///< with lane_state::waiting
  std::size_t queued = 0;       ///< in memory
  std::size_t under_way = 0;
  timestamp_t oldest_created = 0;  ///< 0: nothing in memory
  bool work_in_store = false;
};

/// One exported answer count. `kind`: accepted, failed, retried.
struct answer_count {
  std::string origin_class;
  std::string status;
  std::string kind;
  std::uint64_t count = 0;
};

struct push_metrics {
  std::vector<answer_count> answers;
  std::vector<std::pair<std::string, std::uint64_t>> dead_letters;  ///< by result, since the start
  std::uint64_t events = 0;
  std::uint64_t events_duplicate = 0;
  std::uint64_t events_expired = 0;  ///< older than the TTL
  std::uint64_t events_for_nobody = 0;
  std::uint64_t gathered = 0;
  std::uint64_t deliveries_planned = 0;
  std::uint64_t deliveries_dropped = 0;  ///< their device was gone or had moved
  std::uint64_t devices_removed = 0;     ///< because a push service said so, or the endpoint moved
  std::uint64_t store_failures = 0;
  std::uint64_t fan_outs_waiting = 0;
  std::int64_t pending = 0;        ///< deliveries in the store
  std::int64_t oldest_age_ms = 0;  ///< of the deliveries that lanes hold in memory; a blocked lane's first one, too
  histogram_numbers encryption;
  histogram_numbers answer_time;
  std::vector<lane_report> lanes;
};

/// Counted by all actors of the role; any thread.
class metrics_recorder {
 public:
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> events_duplicate{0};
  std::atomic<std::uint64_t> events_expired{0};
  std::atomic<std::uint64_t> events_for_nobody{0};
  std::atomic<std::uint64_t> gathered{0};
  std::atomic<std::uint64_t> deliveries_planned{0};
  std::atomic<std::uint64_t> deliveries_dropped{0};
  std::atomic<std::uint64_t> devices_removed{0};
  std::atomic<std::uint64_t> store_failures{0};
  std::atomic<std::uint64_t> fan_outs_waiting{0};
  std::atomic<std::uint64_t> dead_letters_total{0};
  std::atomic<std::int64_t> pending{0};
  /// Of all lanes; no metric. Counted from before its row is read until what became of it is written and off `pending`.
  std::atomic<std::int64_t> in_hand{0};

  void answered(std::string_view origin_class, std::string_view status, std::string_view kind);
  void dead_letter(delivery_result why);
  void encrypted(std::int64_t us);
  void answer_took(std::int64_t us);
  void report(lane_report lane);
  void lane_gone(const std::string& origin);
  [[nodiscard]] std::vector<lane_report> lanes() const;
  [[nodiscard]] push_metrics snapshot(timestamp_t now) const;

 private:
  template <std::size_t N>
  struct histogram {
    std::array<std::int64_t, N> bounds;
    std::array<std::atomic<std::uint64_t>, N + 1> counts{};
    std::atomic<std::uint64_t> sum{0};
    void record(std::int64_t us) noexcept;
    [[nodiscard]] histogram_numbers numbers() const;
  };
  histogram<8> encryption_{{25, 50, 100, 200, 500, 1000, 5000, 20000}};
  histogram<10> answer_time_{
      {5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 5'000'000, 30'000'000}};

  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t, std::less<>> answers_;
  std::map<delivery_result, std::uint64_t> dead_letters_;
  std::map<std::string, lane_report> lanes_;
};

}  // namespace social::push
