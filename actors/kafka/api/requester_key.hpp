// The push role's key, kept for a while: every visitor of the web page asks for it, and it hardly ever changes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "actors/base/result.hpp"
#include "actors/ports/clock.hpp"
#include "actors/protocol/push.hpp"

namespace social::kafka {

/// Any thread; shared with the callback of the question under way. Whoever comes while it is asked for waits for the
/// same answer.
class kept_key : public std::enable_shared_from_this<kept_key> {
 public:
  using completion = std::function<void(result<protocol::push_key>)>;

  /// `ask` calls back once, at once or later, on any thread. Errors are not kept.
  kept_key(std::int64_t ttl_ms, std::size_t waiting_max, const ports::clock& clock, std::function<void(completion)> ask)
      : ttl_us_(ttl_ms * 1000), waiting_max_(waiting_max), clock_(clock), ask_(std::move(ask)) {}

  void get(completion done);

 private:
  void came(const result<protocol::push_key>& answer);

  const std::int64_t ttl_us_;
  const std::size_t waiting_max_;
  const ports::clock& clock_;
  const std::function<void(completion)> ask_;
  std::mutex mutex_;
  std::optional<protocol::push_key> key_;
  std::int64_t good_until_us_ = 0;
  std::vector<completion> waiting_;  ///< not empty: it is asked for
};

}  // namespace social::kafka
