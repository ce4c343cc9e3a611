#include "actors/base/ids.hpp"

#include <charconv>

#include "actors/base/digest.hpp"

namespace social {

shard_t shard_of_email(std::string_view lower_cased_email, shard_t shards) {
  return static_cast<shard_t>(first_64_bits(sha256(lower_cased_email)) % shards);
}

id_t parse_id(std::string_view text) noexcept {
  if (text.empty() || text.size() > 16 || text.front() == '0') return 0;
  id_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value > max_id) return 0;
  return value;
}

}  // namespace social
