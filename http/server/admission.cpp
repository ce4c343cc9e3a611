#include "http/server/admission.hpp"

namespace social::http {

admission::verdict admission::admit(const ip_address& peer, bool is_trusted_proxy) {
  const std::lock_guard lock(mutex_);
  if (total_ >= total_max_) {
    ++refused_total_;
    return verdict::too_many;
  }
  auto& of_peer = by_address_[peer];
  if (!is_trusted_proxy && of_peer >= per_address_max_) {
    ++refused_address_;
    if (of_peer == 0) by_address_.erase(peer);
    return verdict::too_many_of_address;
  }
  ++of_peer;
  ++total_;
  return verdict::admitted;
}

void admission::release(const ip_address& peer) {
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(peer);
  if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
  if (--total_ == 0) emptied_.notify_all();
}

bool admission::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return emptied_.wait_until(lock, deadline, [this] { return total_ == 0; });
}

std::uint64_t admission::refused_total() const {
  const std::lock_guard lock(mutex_);
  return refused_total_;
}

std::uint64_t admission::refused_address() const {
  const std::lock_guard lock(mutex_);
  return refused_address_;
}

}  // namespace social::http
