#include "http/auth/rate_limiter.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cassert>
#include <cmath>
#include <string>

#include "http/auth/random.hpp"

namespace social::http::auth {
namespace {

constexpr double ms_per_minute = 60'000;

/// The finaliser of MurmurHash3: every bit of the input moves about half of the output.
std::uint64_t mix(std::uint64_t value) noexcept {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdULL;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  value ^= value >> 33;
  return value == 0 ? 1 : value;
}

std::uint64_t seconds_up(double ms) noexcept {
  return static_cast<std::uint64_t>(std::ceil(ms / 1000));
}

std::uint64_t big_endian(const unsigned char* bytes, std::size_t count) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = (value << 8) | bytes[i];
  return value;
}

}  // namespace

rate_limiter::rate_limiter(rate_options options)
    : capacity_(static_cast<double>(options.per_minute)),
      per_ms_(capacity_ / ms_per_minute),
      seed_(random_64()),
      sets_(std::max<std::size_t>(1, options.entries_max / ways)),
      buckets_(sets_ * ways),
      locks_(std::make_unique<padded_lock[]>(locks)) {
  assert(options.per_minute > 0);
}

std::uint64_t rate_limiter::key_of_user(id_t user) const noexcept {
  return mix(seed_ ^ mix(user));
}

std::uint64_t rate_limiter::key_of_address(std::string_view address) const noexcept {
  std::array<char, INET6_ADDRSTRLEN> text{};
  std::array<unsigned char, 16> bytes{};
  const auto zone = address.find('%');
  if (zone != std::string_view::npos) address = address.substr(0, zone);
  if (address.size() >= text.size()) return mix(seed_ ^ std::hash<std::string_view>{}(address));
  std::copy(address.begin(), address.end(), text.begin());
  if (inet_pton(AF_INET, text.data(), bytes.data()) == 1) return mix(seed_ ^ mix(big_endian(bytes.data(), 4)));
  if (inet_pton(AF_INET6, text.data(), bytes.data()) == 1) {
    const bool mapped = big_endian(bytes.data(), 8) == 0 && big_endian(bytes.data() + 8, 4) == 0xffff;
    if (mapped) return mix(seed_ ^ mix(big_endian(bytes.data() + 12, 4)));
    return mix(seed_ ^ mix(~big_endian(bytes.data(), 8)));
  }
  return mix(seed_ ^ std::hash<std::string_view>{}(address));
}

rate_limiter::bucket& rate_limiter::find(std::size_t set, std::uint64_t key, timestamp_t now) {
  bucket* oldest = nullptr;
  for (std::size_t i = set * ways; i < (set + 1) * ways; ++i) {
    auto& each = buckets_[i];
    if (each.key == key) return each;
    if (oldest == nullptr || each.key == 0 || (oldest->key != 0 && each.touched < oldest->touched)) oldest = &each;
  }
  *oldest = {key, capacity_, now};
  return *oldest;
}

rate_decision rate_limiter::take(std::uint64_t key, timestamp_t now) {
  const std::size_t set = key % sets_;
  const std::lock_guard guard(locks_[set % locks].lock);
  auto& mine = find(set, key, now);
  // A clock that was set back gives nothing and takes nothing.
  if (now > mine.touched)
    mine.tokens = std::min(capacity_, mine.tokens + static_cast<double>(now - mine.touched) * per_ms_);
  mine.touched = now;
  rate_decision told{.allowed = mine.tokens >= 1, .limit = static_cast<std::uint64_t>(capacity_)};
  if (told.allowed) {
    mine.tokens -= 1;
  } else {
    told.retry_s = std::max<std::uint64_t>(1, seconds_up((1 - mine.tokens) / per_ms_));
  }
  told.remaining = static_cast<std::uint64_t>(mine.tokens);
  told.reset_s = seconds_up((capacity_ - mine.tokens) / per_ms_);
  return told;
}

}  // namespace social::http::auth
