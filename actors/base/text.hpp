// Text as people count it: Unicode code points, NFC, nothing invisible that misleads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace social {

/// Strict UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool is_valid_utf8(std::string_view text) noexcept;

/// Bytes before the first ill-formed sequence; the whole size when there is none.
std::size_t valid_utf8_prefix(std::string_view text) noexcept;

/// Number of code points of valid UTF-8.
std::size_t code_points(std::string_view text) noexcept;

/// The first `count` code points of valid UTF-8 (never cuts inside a character).
std::string_view first_code_points(std::string_view text, std::size_t count) noexcept;

/// At most `bytes` bytes, cut on a character boundary.
std::string_view first_bytes_on_boundary(std::string_view text, std::size_t bytes) noexcept;

/// NFC-normalised and trimmed of Unicode white space (property White_Space) at both ends; nullopt when the text is not
/// valid UTF-8.
std::optional<std::string> nfc_trimmed(std::string_view text);

/// True when valid UTF-8 holds nothing but Unicode white space (property White_Space), or nothing at all.
bool is_blank(std::string_view text) noexcept;

/// True when valid UTF-8 holds a control character (Cc), a bidi control (U+061C, U+200E/F, U+202A-E, U+2066-9), or a
/// line or paragraph separator (U+2028/9): what makes a name read as something else, or breaks the line that it stands
/// in.
bool has_control_or_bidi(std::string_view text) noexcept;

/// ASCII letters only; other bytes unchanged.
std::string ascii_lower(std::string_view text);

/// `2026-11-23T15:54:00.123Z`. Years from 0000 to 9999 have four digits; times beyond them are not expected.
std::string to_iso8601(std::int64_t milliseconds_since_epoch);

}  // namespace social
