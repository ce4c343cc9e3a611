// Who may connect: limits on all connections and on those of one address. Used by all I/O threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "http/server/address.hpp"

namespace social::http {

class admission {
 public:
  enum class verdict : std::uint8_t { admitted, too_many, too_many_of_address };

  admission(std::size_t total_max, std::size_t per_address_max)
      : total_max_(total_max), per_address_max_(per_address_max) {}

  /// Every `admitted` is followed by one `release`. A trusted proxy speaks for many people: its address has no limit of
  /// its own.
  verdict admit(const ip_address& peer, bool is_trusted_proxy);
  void release(const ip_address& peer);
  /// True when nobody is left before `deadline`.
  bool wait_until_empty(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] std::uint64_t refused_total() const;
  [[nodiscard]] std::uint64_t refused_address() const;

 private:
  const std::size_t total_max_;
  const std::size_t per_address_max_;
  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  std::size_t total_ = 0;
  std::uint64_t refused_total_ = 0;
  std::uint64_t refused_address_ = 0;
  std::unordered_map<ip_address, std::size_t, ip_address_hash> by_address_;
};

}  // namespace social::http
