#include "actors/kafka/api/requester_key.hpp"

#include <utility>

namespace social::kafka {

void kept_key::get(completion done) {
  enum class next : std::uint8_t { tell, wait, ask, refuse };
  std::optional<protocol::push_key> known;
  auto then = next::tell;
  {
    const std::lock_guard lock(mutex_);
    if (key_ && clock_.monotonic_us() < good_until_us_) {
      known = key_;
    } else if (waiting_.size() >= waiting_max_) {
      then = next::refuse;
    } else {
      then = waiting_.empty() ? next::ask : next::wait;
      waiting_.push_back(done);
    }
  }
  if (then == next::tell) return done(std::move(*known));
  if (then == next::refuse) return done(error_code::overloaded);
  if (then == next::ask)
    ask_([self = shared_from_this()](const result<protocol::push_key>& answer) { self->came(answer); });
}

void kept_key::came(const result<protocol::push_key>& answer) {
  std::vector<completion> waited;
  {
    const std::lock_guard lock(mutex_);
    if (answer) {
      key_ = *answer;
      good_until_us_ = clock_.monotonic_us() + ttl_us_;
    }
    waited.swap(waiting_);
  }
  for (const auto& done : waited) done(answer);
}

}  // namespace social::kafka
