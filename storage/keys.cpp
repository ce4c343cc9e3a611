#include "storage/keys.hpp"

namespace social::storage {

namespace {

constexpr char meta_row = 0x01;
constexpr char id_block_row = 0x02;

void append_big_endian(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

template <class T>
T big_endian(std::string_view bytes) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>((value << 8) | static_cast<std::uint8_t>(bytes[i]));
  return value;
}

constexpr std::uint64_t stored_b(domain::table where, std::uint64_t b) noexcept {
  return newest_first(where) ? ~b : b;
}

}  // namespace

void append_row_key(std::string& out, const domain::row_key& key) {
  out.push_back(static_cast<char>(key.where));
  append_big_endian(out, key.a);
  append_big_endian(out, stored_b(key.where, key.b));
  out.append(key.text);
}

std::string encode_row_key(const domain::row_key& key) {
  std::string out;
  out.reserve(row_key_size_min + key.text.size());
  append_row_key(out, key);
  return out;
}

std::optional<domain::row_key> decode_row_key(std::string_view bytes) {
  if (bytes.size() < row_key_size_min) return std::nullopt;
  domain::row_key key;
  key.where = static_cast<domain::table>(bytes[0]);
  key.a = big_endian<std::uint64_t>(bytes.substr(1));
  key.b = stored_b(key.where, big_endian<std::uint64_t>(bytes.substr(9)));
  key.text.assign(bytes.substr(row_key_size_min));
  return key;
}

std::string row_prefix(domain::table where) {
  return std::string(1, static_cast<char>(where));
}

std::string row_prefix(domain::table where, std::uint64_t a) {
  std::string out = row_prefix(where);
  append_big_endian(out, a);
  return out;
}

std::string row_prefix(domain::table where, std::uint64_t a, std::uint64_t b) {
  std::string out = row_prefix(where, a);
  append_big_endian(out, stored_b(where, b));
  return out;
}

std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty()) {
    const auto last = static_cast<std::uint8_t>(prefix.back());
    if (last != 0xff) {
      prefix.back() = static_cast<char>(last + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return prefix;
}

journal_key_bytes encode_journal_key(const journal_key& key) noexcept {
  journal_key_bytes out{};
  out[0] = static_cast<char>(key.shard >> 8);
  out[1] = static_cast<char>(key.shard);
  for (std::size_t i = 0; i < 8; ++i) out[2 + i] = static_cast<char>(key.first_sequence >> (56 - 8 * i));
  return out;
}

std::string encode_trim_bound(const journal_key& event) {
  const auto before = encode_journal_key({event.shard, event.first_sequence == 0 ? 0 : event.first_sequence - 1});
  std::string out(before.data(), before.size());
  out.push_back('\x01');
  return out;
}

std::optional<journal_key> decode_journal_key(std::string_view bytes) {
  if (bytes.size() != std::tuple_size_v<journal_key_bytes>) return std::nullopt;
  return journal_key{big_endian<shard_t>(bytes), big_endian<std::uint64_t>(bytes.substr(2))};
}

std::string encode_meta_key() {
  return std::string(1, meta_row);
}

std::string id_block_prefix() {
  return std::string(1, id_block_row);
}

std::string encode_id_block_key(const id_block_key& key) {
  std::string out = id_block_prefix();
  out.push_back(static_cast<char>(key.kind));
  out.push_back(static_cast<char>(key.shard >> 8));
  out.push_back(static_cast<char>(key.shard));
  return out;
}

std::optional<id_block_key> decode_id_block_key(std::string_view bytes) {
  if (bytes.size() != 4 || bytes[0] != id_block_row) return std::nullopt;
  return id_block_key{static_cast<domain::aggregate_kind>(bytes[1]), big_endian<shard_t>(bytes.substr(2))};
}

}  // namespace social::storage
