#include "http/auth/sign_in_guard.hpp"

#include <algorithm>

#include "http/auth/random.hpp"

namespace social::http::auth {
namespace {

std::uint64_t joined(std::uint64_t seed, std::string_view text) noexcept {
  const std::uint64_t value = seed ^ std::hash<std::string_view>{}(text);
  return (value ^ (value >> 32)) * 0x9E3779B97F4A7C15ULL;
}

}  // namespace

sign_in_guard::sign_in_guard(sign_in_options options) : options_(options), seed_(random_64()) {}

std::uint64_t sign_in_guard::account_key(std::string_view account) const noexcept {
  return joined(seed_, account);
}

sign_in_guard::entry& sign_in_guard::touch(std::unordered_map<std::uint64_t, entry>& table, std::uint64_t key,
                                           timestamp_t now) const {
  const timestamp_t forget_ms = timestamp_t{options_.forget_s} * 1000;
  const auto part_max = std::max<std::size_t>(1, options_.entries_max / parts / 2);
  if (!table.contains(key) && table.size() >= part_max) {
    std::erase_if(table, [&](const auto& each) { return now - each.second.last > forget_ms; });
    while (table.size() >= part_max) table.erase(table.begin());
  }
  auto& found = table[key];
  if (now - found.last > forget_ms) found = {};
  return found;
}

std::uint32_t sign_in_guard::delay_s(std::uint32_t failures, bool account_under_attack) const noexcept {
  const std::uint32_t free = account_under_attack ? 1 : options_.failures_free;
  if (failures < free) return 0;
  const std::uint32_t doublings = std::min<std::uint32_t>(failures - free, 20);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::uint64_t{options_.delay_first_s} << doublings, options_.delay_max_s));
}

std::uint32_t sign_in_guard::begin(std::string_view account, std::string_view address, timestamp_t now) {
  const auto key = account_key(account);
  auto& where = part_of(key);
  const std::lock_guard guard(where.lock);
  auto& pair = touch(where.pairs, joined(key, address), now);
  if (now < pair.open_at) return static_cast<std::uint32_t>((pair.open_at - now + 999) / 1000);
  auto& whole = touch(where.accounts, key, now);
  pair.failures += 1;
  whole.failures += 1;
  pair.last = whole.last = now;
  const bool under_attack = whole.failures > options_.account_failures_free;
  pair.open_at = now + timestamp_t{delay_s(pair.failures, under_attack)} * 1000;
  return 0;
}

void sign_in_guard::succeeded(std::string_view account, std::string_view address) {
  const auto key = account_key(account);
  auto& where = part_of(key);
  const std::lock_guard guard(where.lock);
  where.pairs.erase(joined(key, address));
  // The account's own count stays: one good login at home says nothing about the guessing from elsewhere.
  if (const auto whole = where.accounts.find(key); whole != where.accounts.end() && whole->second.failures > 0)
    whole->second.failures -= 1;
}

void sign_in_guard::abandoned(std::string_view account, std::string_view address) {
  const auto key = account_key(account);
  auto& where = part_of(key);
  const std::lock_guard guard(where.lock);
  if (const auto pair = where.pairs.find(joined(key, address)); pair != where.pairs.end()) {
    pair->second.failures -= std::min<std::uint32_t>(1, pair->second.failures);
    pair->second.open_at = 0;
  }
  if (const auto whole = where.accounts.find(key); whole != where.accounts.end() && whole->second.failures > 0)
    whole->second.failures -= 1;
}

std::size_t sign_in_guard::size() const {
  std::size_t total = 0;
  for (const auto& each : parts_) {
    const std::lock_guard guard(each.lock);
    total += each.pairs.size() + each.accounts.size();
  }
  return total;
}

}  // namespace social::http::auth
