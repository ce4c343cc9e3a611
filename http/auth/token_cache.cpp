#include "http/auth/token_cache.hpp"

#include <algorithm>
#include <cstring>

namespace social::http::auth {

token_cache::token_cache(std::size_t entries_max) : half_max_(std::max<std::size_t>(1, entries_max / parts / 2)) {}

token_cache::part& token_cache::part_of(std::string_view token) noexcept {
  // The end of a token is its signature: as good as random.
  const std::size_t index = token.size() < 8 ? 0 : static_cast<unsigned char>(token[token.size() - 8]);
  return parts_[index % parts];
}

std::shared_ptr<const claims> token_cache::find(std::string_view token) {
  auto& where = part_of(token);
  const std::lock_guard guard(where.lock);
  if (const auto found = where.young.find(token); found != where.young.end()) return found->second;
  const auto found = where.old.find(token);
  if (found == where.old.end()) return nullptr;
  auto node = where.old.extract(found);
  auto verified = node.mapped();
  put_young(where, std::move(node.key()), verified);
  return verified;
}

void token_cache::put(std::string_view token, std::shared_ptr<const claims> verified) {
  auto& where = part_of(token);
  const std::lock_guard guard(where.lock);
  put_young(where, std::string(token), std::move(verified));
}

void token_cache::put_young(part& where, std::string token, std::shared_ptr<const claims> verified) {
  if (where.young.size() >= half_max_) {
    where.old = std::move(where.young);
    where.young.clear();
  }
  where.young.insert_or_assign(std::move(token), std::move(verified));
}

std::size_t token_cache::size() const {
  std::size_t total = 0;
  for (const auto& each : parts_) {
    const std::lock_guard guard(each.lock);
    total += each.young.size() + each.old.size();
  }
  return total;
}

}  // namespace social::http::auth
