// Slows down guessing of passwords, without letting anybody lock somebody else out.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "actors/base/ids.hpp"

namespace social::http::auth {

struct sign_in_options {
  std::uint32_t failures_free = 5;           ///< per (account, address) before the first delay
  std::uint32_t account_failures_free = 50;  ///< per account from all addresses; beyond it the free ones above are gone
  std::uint32_t delay_first_s = 1;           ///< doubles with each further failure
  std::uint32_t delay_max_s = 300;
  std::uint32_t forget_s = 900;  ///< after the last failure
  std::size_t entries_max = 65'536;
};

/// An attempt counts as failed from its start, so that many at once are not all free. An address that has not failed
/// for an account is always let in first: the owner at home never pays for what others try. Any thread.
class sign_in_guard {
 public:
  explicit sign_in_guard(sign_in_options options);

  /// 0: go on, and tell how it ended. Otherwise seconds to wait; the attempt was not made and does not count.
  std::uint32_t begin(std::string_view account, std::string_view address, timestamp_t now);
  void succeeded(std::string_view account, std::string_view address);
  /// Nothing was tried after all (overload, no store).
  void abandoned(std::string_view account, std::string_view address);
  [[nodiscard]] std::size_t size() const;

 private:
  struct entry {
    std::uint32_t failures = 0;
    timestamp_t last = 0;
    timestamp_t open_at = 0;  ///< before this: wait
  };
  static constexpr std::size_t parts = 16;
  struct alignas(64) part {
    mutable std::mutex lock;
    std::unordered_map<std::uint64_t, entry> pairs;  ///< (account, address)
    std::unordered_map<std::uint64_t, entry> accounts;
  };
  part& part_of(std::uint64_t account_key) noexcept { return parts_[account_key % parts]; }
  [[nodiscard]] std::uint64_t account_key(std::string_view account) const noexcept;
  entry& touch(std::unordered_map<std::uint64_t, entry>& table, std::uint64_t key, timestamp_t now) const;
  [[nodiscard]] std::uint32_t delay_s(std::uint32_t failures, bool account_under_attack) const noexcept;

  sign_in_options options_;
  std::uint64_t seed_;
  std::array<part, parts> parts_;
};

}  // namespace social::http::auth
