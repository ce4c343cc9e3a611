// Base64 (RFC 4648 sections 4 and 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace social {

/// URL-safe alphabet, no padding.
std::string base64url_encode(std::string_view bytes);

/// Accepts base64 or base64url (not mixed), padded or not; nothing else: no spaces, no wrong padding, no set bits
/// beyond the last byte.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace social
