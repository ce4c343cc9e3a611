// Unguessable numbers and bytes from OpenSSL's generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace social::http::auth {

/// The operating system's generator must work; a process without it must not hand out tokens (aborts).
std::string random_bytes(std::size_t count);
std::uint64_t random_64();
/// 1 .. 2^52-1: every JSON reader keeps all its digits, and there is room to rise.
std::uint64_t random_generation();

}  // namespace social::http::auth
