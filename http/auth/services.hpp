// Everything that decides who somebody is, as one bundle for the composition root.
#pragma once

#include <optional>

#include "http/auth/fingerprint.hpp"
#include "http/auth/generation_table.hpp"
#include "http/auth/password_pool.hpp"
#include "http/auth/rate_limiter.hpp"
#include "http/auth/sign_in_guard.hpp"
#include "http/auth/token.hpp"
#include "http/auth/token_cache.hpp"

namespace social::http::auth {

struct options {
  token_options token;
  std::string fingerprint_key;  ///< at least fingerprint_key_bytes_min
  std::size_t tokens_cached_max = 65'536;
  std::size_t generations_max = 4'000'000;
  password_options password;
  /// Each 0: none.
  std::uint64_t rate_user_per_minute = 0;
  std::uint64_t rate_address_per_minute = 0;
  std::uint64_t rate_join_address_per_minute = 0;  ///< joining, besides the address's rate
  std::size_t rate_entries_max = 65'536;
  std::optional<sign_in_options> sign_in;  ///< absent: no delay
};

/// Outlives the API handler. `passwords.stop()` belongs to the shutdown, before the actors end.
class services {
 public:
  explicit services(const options& o);

  /// From the cache, else verified and cached. Null: not a token of ours, or it has ended. The generation is not looked
  /// at.
  std::shared_ptr<const claims> identify(std::string_view token, timestamp_t now);

  token_signer tokens;
  fingerprinter fingerprints;
  token_cache verified;
  generation_table generations;
  password_pool passwords;
  std::optional<rate_limiter> user_rate;
  std::optional<rate_limiter> address_rate;
  std::optional<rate_limiter> join_rate;
  std::optional<sign_in_guard> sign_ins;
};

}  // namespace social::http::auth
