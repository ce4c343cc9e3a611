#include "http/auth/services.hpp"

namespace social::http::auth {

services::services(const options& o)
    : tokens(o.token),
      fingerprints(o.fingerprint_key),
      verified(o.tokens_cached_max),
      generations(o.generations_max),
      passwords(o.password) {
  const auto limit = [&](std::optional<rate_limiter>& which, std::uint64_t per_minute) {
    if (per_minute > 0) which.emplace(rate_options{per_minute, o.rate_entries_max});
  };
  limit(user_rate, o.rate_user_per_minute);
  limit(address_rate, o.rate_address_per_minute);
  limit(join_rate, o.rate_join_address_per_minute);
  if (o.sign_in) sign_ins.emplace(*o.sign_in);
}

std::shared_ptr<const claims> services::identify(std::string_view token, timestamp_t now) {
  if (token.empty()) return nullptr;
  if (auto known = verified.find(token)) return now / 1000 < known->expires_s ? known : nullptr;
  auto fresh = tokens.verify(token, now);
  if (!fresh) return nullptr;
  auto shared = std::make_shared<const claims>(std::move(*fresh));
  verified.put(token, shared);
  return shared;
}

}  // namespace social::http::auth
