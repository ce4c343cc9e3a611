// JSON Web Tokens (RFC 7519) signed with HS512, and nothing else: the header names no choice that we follow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"

namespace social::http::auth {

/// What a verified token says.
struct claims {
  id_t user = 0;  ///< `userKey`
  std::string name;
  std::string email;
  std::uint64_t generation = 0;  ///< `gen`; void when the user's is another
  std::int64_t issued_s = 0;     ///< `iat`, seconds since the epoch
  std::int64_t expires_s = 0;    ///< `exp`
};

struct token_options {
  std::string secret;  ///< at least token_secret_bytes_min
  std::string issuer = "social-server";
  std::int64_t lifetime_s = 24 * 3600;
  std::int64_t clock_skew_s = 60;  ///< how far in the future `iat` may lie: clocks of nodes differ
  std::size_t token_bytes_max = 4096;
};
inline constexpr std::size_t token_secret_bytes_min = 32;

/// Signs and verifies. Immutable: any thread.
class token_signer {
 public:
  explicit token_signer(token_options options);

  /// `claims.issued_s` and `expires_s` are set from `now`.
  [[nodiscard]] std::string issue(const claims& who, timestamp_t now) const;
  /// Errors: unauthorized, whatever is wrong.
  [[nodiscard]] result<claims> verify(std::string_view token, timestamp_t now) const;
  /// Inside the last tenth of the lifetime.
  [[nodiscard]] bool due_for_renewal(const claims& who, timestamp_t now) const noexcept;

 private:
  [[nodiscard]] std::string signature(std::string_view signed_part) const;
  [[nodiscard]] result<claims> read_claims(std::string_view json, timestamp_t now) const;

  token_options options_;
};

/// The token of `api_key` or `Authorization` values: the text after "Bearer " (any case); empty when it is something
/// else.
std::string_view bearer_token(std::string_view header_value) noexcept;

}  // namespace social::http::auth
