// Which language a device speaks.
#pragma once

#include <string>
#include <string_view>

namespace social::push {

/// "ko" or "en". `field` (what the client says) wins over `accept_language` (RFC 9110 section 12.5.4). Neither of them
/// says anything: "ko". What is said names neither language: "en".
std::string choose_locale(std::string_view field, std::string_view accept_language);

}  // namespace social::push
