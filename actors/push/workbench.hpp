// What blocks or computes: reading a lane's work from the store, making the message, printing the line.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/subscription/state.hpp"
#include "actors/ports/clock.hpp"
#include "actors/ports/push_transport.hpp"
#include "actors/ports/store.hpp"
#include "actors/push/encryption.hpp"
#include "actors/push/lane.hpp"
#include "actors/push/options.hpp"
#include "actors/push/rows.hpp"
#include "actors/push/vapid.hpp"

namespace social::push {

/// What all workbenches share; outlives them.
struct workbench_parts {
  const ports::row_reader* rows = nullptr;
  const ports::clock* clock = nullptr;
  const push_options* options = nullptr;
  std::shared_ptr<vapid_keys> keys;  ///< null in console mode
  push::vapid* vapid = nullptr;      ///< null in console mode
  std::function<void(std::string_view)> console;
};

/// A delivery, ready to leave or found to lead nowhere.
struct prepared {
  enum class outcome : std::uint8_t {
    send,           ///< `request` is ready
    printed,        ///< the line is out
    absent,         ///< no such row any more, or it has been put off: nothing to do
    expired,        ///< its time is over
    device_gone,    ///< the person has no such device any more
    moved,          ///< the endpoint belongs to somebody else: this device is to be removed
    undeliverable,  ///< no message can be made of it; see `reason`
    store_failed,   ///< nothing is known; try again
  };
  outcome what = outcome::absent;
  lane_entry entry;
  delivery_row row;
  domain::subscription::device device;  ///< with send, printed, moved, undeliverable
  ports::push_request request;
  std::string reason;
  std::int64_t encryption_us = 0;
  std::uint32_t status = 0;  ///< of the answer, once there is one
  std::int64_t latency_ms = 0;
  std::vector<domain::row_key> old_log_rows;  ///< beyond the bound: they leave with this delivery
};

struct loaded_rows {
  bool failed = false;
  std::vector<lane_entry> entries;
  bool more = false;
  std::optional<timestamp_t> next_due;
};

struct swept_rows {
  bool failed = false;
  std::vector<prepared> expired;         ///< with outcome `expired`
  std::optional<domain::row_key> after;  ///< go on here; nothing: the end was reached
  std::optional<timestamp_t> first_due;  ///< of what stays, in this part
};

/// First 16 hexadecimal digits of an endpoint's SHA-256: how an endpoint is named where it must not be shown.
std::string endpoint_digest(std::string_view endpoint);

/// Owned by one worker actor; used by one thread at a time.
class workbench {
 public:
  explicit workbench(workbench_parts parts);

  prepared prepare(const lane_entry& entry);
  [[nodiscard]] loaded_rows load(const std::string& origin, const lane::load& what) const;
  /// At most `sweep_rows` rows.
  [[nodiscard]] swept_rows sweep(const std::string& origin, const std::optional<domain::row_key>& after) const;
  static constexpr std::size_t sweep_rows = 256;

  /// Makes key pairs ahead while nothing else is to do.
  void use_idle_time();

 private:
  void find_device(prepared& p) const;
  void make_request(prepared& p);
  void print(prepared& p) const;
  [[nodiscard]] result<std::string> authorize(std::string_view origin, std::string_view key_id) const;
  void find_old_log_rows(prepared& p) const;

  const workbench_parts parts_;
  encryptor encryptor_;
};

}  // namespace social::push
