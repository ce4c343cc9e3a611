// Web Push message encryption: RFC 8291 on top of the content encoding aes128gcm of RFC 8188.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "actors/base/result.hpp"

namespace social::push {

/// RFC 8291 section 4: a push service takes at least 4096 bytes of body, so nobody sends more.
inline constexpr std::size_t body_bytes_max = 4096;
/// What `encryptor` takes. Some services count the body in base64, within 4096 characters: hence less than 3993.
inline constexpr std::size_t payload_bytes_max = 3052;
/// Plaintexts are filled up to the next of these, so that the length tells little about the content.
inline constexpr std::array<std::size_t, 4> padded_sizes_bytes{512, 1024, 2048, payload_bytes_max};

inline constexpr std::size_t public_key_bytes = 65;
inline constexpr std::size_t auth_secret_bytes = 16;
inline constexpr std::size_t salt_bytes = 16;

/// A P-256 key pair as raw bytes. The private half is wiped when the object goes.
struct key_pair {
  std::array<std::uint8_t, 32> private_key{};               ///< big-endian scalar
  std::array<std::uint8_t, public_key_bytes> public_key{};  ///< 0x04 | x | y

  key_pair() = default;
  key_pair(const key_pair&) = default;
  key_pair& operator=(const key_pair&) = default;
  ~key_pair();
};

/// True for 65 bytes that are an uncompressed point on P-256: what `p256dh` must be.
bool is_p256_point(std::string_view bytes);

/// The pair that belongs to a 32-byte private key. Errors: invalid_input when it is not in [1, n-1].
result<key_pair> key_pair_of(std::string_view private_key);

/// One message as RFC 8188 section 2 writes it; every field is an argument so that its vectors are byte-exact.
struct content_encoding {
  std::string_view key_material{};               ///< IKM, any length
  std::string_view salt{};                       ///< 16 bytes
  std::string_view key_id{};                     ///< at most 255 bytes
  std::uint32_t record_size = 4096;              ///< bytes of a whole record with its tag; at least 18
  std::span<const std::size_t> padding_bytes{};  ///< zero bytes in record 0, 1, ...; records beyond: none
};
/// Header and records. Errors: invalid_input when a field is outside its range.
result<std::string> encode_aes128gcm(std::string_view plaintext, const content_encoding& parameters);

/// One RFC 8291 message with the sender's pair and salt given, without padding; for vectors and tests. Errors:
/// invalid_input (key not on the curve, a length that is not 65 or 16, a body of more than 4096 bytes), internal.
result<std::string> encrypt(std::string_view plaintext, std::string_view receiver_public_key,
                            std::string_view auth_secret, const key_pair& sender, std::string_view salt);

/// Encrypts messages with contexts that are made once. Owned by one thread at a time; blocks on nothing; a message
/// takes about 60 us, of which 48 are the one P-256 multiplication that RFC 8291 cannot do without.
///
/// Every message gets a new key pair and a new salt (RFC 8291 section 3.1). Keeping the shared secret per device would
/// be fifteen times faster and is not done: whoever learns one pair would read all messages under it.
class encryptor {
 public:
  encryptor();
  ~encryptor();
  encryptor(encryptor&&) noexcept;
  encryptor& operator=(encryptor&&) noexcept;

  /// The request body for one device: padded to the next of `padded_sizes_bytes`. Errors: invalid_input (a payload of
  /// more than `payload_bytes_max`, a key not on the curve, a wrong length), internal (no randomness).
  result<std::string> encrypt(std::string_view payload, std::string_view receiver_public_key,
                              std::string_view auth_secret);

  /// As the free function, with `padding_bytes` zero bytes behind the delimiter.
  result<std::string> encrypt(std::string_view plaintext, std::string_view receiver_public_key,
                              std::string_view auth_secret, const key_pair& sender, std::string_view salt,
                              std::size_t padding_bytes);

  /// Makes key pairs ahead for later messages, in time that is otherwise idle (about 12 us each): at most `count`, and
  /// never more than `spare_key_pairs_max` in stock. Each is used once. Returns the stock.
  std::size_t prepare_key_pairs(std::size_t count);
  static constexpr std::size_t spare_key_pairs_max = 1024;

  result<key_pair> make_key_pair();
  result<key_pair> pair_of(std::string_view private_key);
  result<std::string> encode(std::string_view plaintext, const content_encoding& parameters);

 private:
  class engine;
  std::unique_ptr<engine> engine_;
};

}  // namespace social::push
