#include "actors/base/base64.hpp"

#include <array>
#include <cstdint>

namespace social {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_digit = 0xFF;

/// Both alphabets in one table; `base64_decode` refuses their mixture.
constexpr auto digits = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  table['+'] = 62;
  table['/'] = 63;
  return table;
}();

/// Without its padding; nullopt when the padding is wrong.
std::optional<std::string_view> without_padding(std::string_view text) {
  const auto padding = text.find('=');
  if (padding == std::string_view::npos) return text;
  const auto count = text.size() - padding;
  if (text.size() % 4 != 0 || count > 2 || text.substr(padding).find_first_not_of('=') != std::string_view::npos)
    return std::nullopt;
  return text.substr(0, padding);
}

}  // namespace

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t pending = 0;
  int bits = 0;
  for (const char c : bytes) {
    pending = (pending << 8) | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6;) {
      bits -= 6;
      out.push_back(alphabet[(pending >> bits) & 0x3F]);
    }
  }
  if (bits > 0) out.push_back(alphabet[(pending << (6 - bits)) & 0x3F]);
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  const auto unpadded = without_padding(text);
  if (!unpadded || unpadded->size() % 4 == 1) return std::nullopt;
  const bool standard = unpadded->find_first_of("+/") != std::string_view::npos;
  const bool url_safe = unpadded->find_first_of("-_") != std::string_view::npos;
  if (standard && url_safe) return std::nullopt;

  std::string out;
  out.reserve(unpadded->size() * 3 / 4);
  std::uint32_t pending = 0;
  int bits = 0;
  for (const char c : *unpadded) {
    const auto digit = digits[static_cast<unsigned char>(c)];
    if (digit == no_digit) return std::nullopt;
    pending = (pending << 6) | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(pending >> bits));
    }
  }
  // What is left over holds no data: two texts must not mean the same bytes.
  if ((pending & ((1U << bits) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace social
