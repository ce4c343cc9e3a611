// OpenSSL 3 with its contexts reused: fetching an algorithm or making a MAC context per message costs more than AES
// does.
#include "actors/push/encryption.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace social::push {
namespace {

constexpr std::size_t tag_bytes = 16;
constexpr std::size_t header_fixed_bytes = salt_bytes + 4 + 1;
constexpr std::uint32_t push_record_size = 4096;

using mac = std::array<std::uint8_t, 32>;

template <auto Free>
struct deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, deleter<Free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
template <std::size_t N>
std::string_view view_of(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

error refused(const char* why) {
  return {error_code::invalid_input, why};
}
error library_failed(const char* what) {
  return {error_code::internal, std::string("OpenSSL failed: ") + what};
}

template <class T>
T* made(T* object, const char* what) {
  if (object == nullptr) throw std::runtime_error(std::string("OpenSSL cannot make ") + what);
  return object;
}

}  // namespace

key_pair::~key_pair() {
  OPENSSL_cleanse(private_key.data(), private_key.size());
}

class encryptor::engine {
 public:
  engine()
      : group_(made(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), "the curve P-256")),
        numbers_(made(BN_CTX_secure_new(), "a number context")),
        scalar_(made(BN_secure_new(), "a number")),
        coordinate_(made(BN_secure_new(), "a number")),
        their_point_(made(EC_POINT_new(group_.get()), "a point")),
        product_(made(EC_POINT_new(group_.get()), "a point")),
        cipher_(made(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr), "AES-128-GCM")),
        cipher_context_(made(EVP_CIPHER_CTX_new(), "a cipher context")) {
    const owned<EVP_MAC, EVP_MAC_free> hmac(made(EVP_MAC_fetch(nullptr, "HMAC", nullptr), "HMAC"));
    hmac_context_.reset(made(EVP_MAC_CTX_new(hmac.get()), "an HMAC context"));
    std::string digest = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
        OSSL_PARAM_construct_end()};
    // From here on the context is only re-keyed.
    if (EVP_MAC_CTX_set_params(hmac_context_.get(), parameters) != 1)
      throw std::runtime_error("OpenSSL cannot make HMAC with SHA-256");
    BN_set_flags(scalar_.get(), BN_FLG_CONSTTIME);
    spare_.reserve(spare_key_pairs_max);
  }

  bool is_point(std::string_view bytes) {
    return bytes.size() == public_key_bytes && bytes.front() == 0x04 &&
           EC_POINT_oct2point(group_.get(), their_point_.get(), bytes_of(bytes), bytes.size(), numbers_.get()) == 1;
  }

  result<key_pair> make_pair() {
    key_pair pair;
    if (BN_priv_rand_range_ex(scalar_.get(), EC_GROUP_get0_order(group_.get()), 0, numbers_.get()) != 1)
      return library_failed("no randomness");
    if (BN_is_zero(scalar_.get())) return make_pair();  // one chance in 2^256
    if (!finish_pair(pair)) return library_failed("making a key pair");
    return pair;
  }

  result<key_pair> pair_of(std::string_view private_key) {
    key_pair pair;
    if (private_key.size() != pair.private_key.size()) return refused("a P-256 private key has 32 bytes");
    BN_bin2bn(bytes_of(private_key), static_cast<int>(private_key.size()), scalar_.get());
    if (BN_is_zero(scalar_.get()) || BN_cmp(scalar_.get(), EC_GROUP_get0_order(group_.get())) >= 0)
      return refused("the private key is outside the range of P-256");
    if (!finish_pair(pair)) return library_failed("computing a public key");
    return pair;
  }

  result<key_pair> next_pair() {
    if (spare_.empty()) return make_pair();
    const key_pair pair = spare_.back();
    spare_.pop_back();
    return pair;
  }

  std::size_t prepare(std::size_t count) {
    for (; count > 0 && spare_.size() < spare_key_pairs_max; --count) {
      auto pair = make_pair();
      if (!pair) break;
      spare_.push_back(*pair);
    }
    return spare_.size();
  }

  result<std::string> encrypt(std::string_view plaintext, std::string_view receiver, std::string_view auth,
                              const key_pair& sender, std::string_view salt, std::size_t padding) {
    if (auth.size() != auth_secret_bytes) return refused("auth must have 16 bytes");
    if (!is_point(receiver)) return refused("p256dh must be an uncompressed point on P-256");
    constexpr std::size_t overhead = header_fixed_bytes + public_key_bytes + 1 + tag_bytes;
    if (plaintext.size() > body_bytes_max - overhead || padding > body_bytes_max - overhead - plaintext.size())
      return refused("the message does not fit into 4096 bytes");

    mac secret;
    if (!shared_secret(sender, secret)) return library_failed("computing a shared secret");
    // RFC 8291 section 3.4: IKM = HKDF(auth, secret, "WebPush: info" | 0 | both public keys, 32)
    std::array<std::uint8_t, 14 + 2 * public_key_bytes + 1> info;
    auto* end = std::copy_n("WebPush: info", 14, info.begin());
    end = std::copy(receiver.begin(), receiver.end(), end);
    end = std::copy(sender.public_key.begin(), sender.public_key.end(), end);
    *end = 1;
    mac key_material;
    const bool derived =
        hmac(auth, view_of(secret), key_material) && hmac(view_of(key_material), view_of(info), key_material);
    OPENSSL_cleanse(secret.data(), secret.size());
    if (!derived) return library_failed("deriving a key");
    auto body = encode(
        plaintext, {view_of(key_material), salt, view_of(sender.public_key), push_record_size, std::span(&padding, 1)});
    OPENSSL_cleanse(key_material.data(), key_material.size());
    return body;
  }

  result<std::string> encode(std::string_view plaintext, const content_encoding& parameters) {
    if (parameters.salt.size() != salt_bytes) return refused("the salt must have 16 bytes");
    if (parameters.key_id.size() > 255) return refused("the key id has at most 255 bytes");
    if (parameters.record_size < tag_bytes + 2) return refused("the record size must be at least 18");

    // RFC 8188 sections 2.2 and 2.3
    mac prk, key, nonce;
    using namespace std::string_view_literals;
    if (!hmac(parameters.salt, parameters.key_material, prk) ||
        !hmac(view_of(prk), "Content-Encoding: aes128gcm\0\1"sv, key) ||
        !hmac(view_of(prk), "Content-Encoding: nonce\0\1"sv, nonce))
      return library_failed("deriving a key");
    OPENSSL_cleanse(prk.data(), prk.size());
    if (EVP_EncryptInit_ex2(cipher_context_.get(), cipher_.get(), key.data(), nullptr, nullptr) != 1)
      return library_failed("setting a key");
    OPENSSL_cleanse(key.data(), key.size());

    std::string out;
    out.reserve(header_fixed_bytes + parameters.key_id.size() + plaintext.size() + tag_bytes + 1 +
                (parameters.padding_bytes.empty() ? 0 : parameters.padding_bytes[0]));
    out.append(parameters.salt);
    for (int shift = 24; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>((parameters.record_size >> shift) & 0xff));
    out.push_back(static_cast<char>(parameters.key_id.size()));
    out.append(parameters.key_id);

    const std::size_t room = parameters.record_size - tag_bytes - 1;  // data and padding of one record
    for (std::uint64_t record = 0;; ++record) {
      const std::size_t padding = record < parameters.padding_bytes.size() ? parameters.padding_bytes[record] : 0;
      if (padding > room || (padding == room && !plaintext.empty()))
        return refused("the padding does not fit into a record");
      const auto data = plaintext.substr(0, room - padding);
      plaintext.remove_prefix(data.size());
      if (!append_record(out, data, padding, plaintext.empty(), nonce, record)) return library_failed("encrypting");
      if (plaintext.empty()) return out;
    }
  }

 private:
  bool finish_pair(key_pair& pair) {
    return EC_POINT_mul(group_.get(), product_.get(), scalar_.get(), nullptr, nullptr, numbers_.get()) == 1 &&
           EC_POINT_point2oct(group_.get(), product_.get(), POINT_CONVERSION_UNCOMPRESSED, pair.public_key.data(),
                              pair.public_key.size(), numbers_.get()) == pair.public_key.size() &&
           BN_bn2binpad(scalar_.get(), pair.private_key.data(), static_cast<int>(pair.private_key.size())) > 0;
  }

  /// The x coordinate of private key times their_point_. `is_point` has checked the curve, and P-256 has cofactor 1:
  /// EVP_PKEY_derive_set_peer would multiply a second time to find out nothing more.
  bool shared_secret(const key_pair& sender, mac& secret) {
    return BN_bin2bn(sender.private_key.data(), static_cast<int>(sender.private_key.size()), scalar_.get()) !=
               nullptr &&
           EC_POINT_mul(group_.get(), product_.get(), nullptr, their_point_.get(), scalar_.get(), numbers_.get()) ==
               1 &&
           EC_POINT_get_affine_coordinates(group_.get(), product_.get(), coordinate_.get(), nullptr, numbers_.get()) ==
               1 &&
           BN_bn2binpad(coordinate_.get(), secret.data(), static_cast<int>(secret.size())) > 0;
  }

  /// `out` may be what `key` or `data` shows: both are read before it is written.
  bool hmac(std::string_view key, std::string_view data, mac& out) {
    std::size_t length = 0;
    // An empty key needs a pointer nevertheless: none means "the key of last time".
    const auto* key_bytes = key.empty() ? reinterpret_cast<const unsigned char*>("") : bytes_of(key);
    return EVP_MAC_init(hmac_context_.get(), key_bytes, key.size(), nullptr) == 1 &&
           EVP_MAC_update(hmac_context_.get(), bytes_of(data), data.size()) == 1 &&
           EVP_MAC_final(hmac_context_.get(), out.data(), &length, out.size()) == 1 && length == out.size();
  }

  bool append_record(std::string& out, std::string_view data, std::size_t padding, bool last, const mac& base_nonce,
                     std::uint64_t record) {
    std::array<std::uint8_t, 12> nonce;
    std::copy_n(base_nonce.begin(), nonce.size(), nonce.begin());
    for (std::size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<std::uint8_t>(record >> (8 * i));

    // The record is laid out as plaintext and encrypted in place, which GCM allows.
    const std::size_t start = out.size();
    out.append(data);
    out.push_back(last ? 2 : 1);
    out.append(padding, '\0');
    const std::size_t size = out.size() - start;
    out.resize(out.size() + tag_bytes);
    auto* record_bytes = reinterpret_cast<unsigned char*>(out.data() + start);
    int length = 0, rest = 0;
    auto* context = cipher_context_.get();
    return EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
           EVP_EncryptUpdate(context, record_bytes, &length, record_bytes, static_cast<int>(size)) == 1 &&
           EVP_EncryptFinal_ex(context, record_bytes + length, &rest) == 1 &&
           static_cast<std::size_t>(length + rest) == size &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_bytes, record_bytes + size) == 1;
  }

  owned<EC_GROUP, EC_GROUP_free> group_;
  owned<BN_CTX, BN_CTX_free> numbers_;
  owned<BIGNUM, BN_clear_free> scalar_;
  owned<BIGNUM, BN_clear_free> coordinate_;
  owned<EC_POINT, EC_POINT_clear_free> their_point_;
  owned<EC_POINT, EC_POINT_clear_free> product_;
  owned<EVP_CIPHER, EVP_CIPHER_free> cipher_;
  owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> cipher_context_;
  owned<EVP_MAC_CTX, EVP_MAC_CTX_free> hmac_context_;
  std::vector<key_pair> spare_;
};

encryptor::encryptor() : engine_(std::make_unique<engine>()) {}
encryptor::~encryptor() = default;
encryptor::encryptor(encryptor&&) noexcept = default;
encryptor& encryptor::operator=(encryptor&&) noexcept = default;

result<std::string> encryptor::encrypt(std::string_view payload, std::string_view receiver_public_key,
                                       std::string_view auth_secret) {
  const auto* padded = std::ranges::lower_bound(padded_sizes_bytes, payload.size());
  if (padded == padded_sizes_bytes.end()) return refused("the payload is longer than 3052 bytes");
  std::array<std::uint8_t, salt_bytes> salt;
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1) return library_failed("no randomness");
  const auto sender = engine_->next_pair();
  if (!sender) return sender.error();
  return engine_->encrypt(payload, receiver_public_key, auth_secret, *sender, view_of(salt), *padded - payload.size());
}

result<std::string> encryptor::encrypt(std::string_view plaintext, std::string_view receiver_public_key,
                                       std::string_view auth_secret, const key_pair& sender, std::string_view salt,
                                       std::size_t padding_bytes) {
  return engine_->encrypt(plaintext, receiver_public_key, auth_secret, sender, salt, padding_bytes);
}

std::size_t encryptor::prepare_key_pairs(std::size_t count) {
  return engine_->prepare(count);
}
result<key_pair> encryptor::pair_of(std::string_view private_key) {
  return engine_->pair_of(private_key);
}
result<key_pair> encryptor::make_key_pair() {
  return engine_->make_pair();
}
result<std::string> encryptor::encode(std::string_view plaintext, const content_encoding& parameters) {
  return engine_->encode(plaintext, parameters);
}

bool is_p256_point(std::string_view bytes) {
  if (bytes.size() != public_key_bytes || bytes.front() != 0x04) return false;
  const owned<EC_GROUP, EC_GROUP_free> group(made(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), "the curve P-256"));
  const owned<EC_POINT, EC_POINT_free> point(made(EC_POINT_new(group.get()), "a point"));
  return EC_POINT_oct2point(group.get(), point.get(), bytes_of(bytes), bytes.size(), nullptr) == 1;
}

result<key_pair> key_pair_of(std::string_view private_key) {
  return encryptor().pair_of(private_key);
}
result<std::string> encode_aes128gcm(std::string_view plaintext, const content_encoding& parameters) {
  return encryptor().encode(plaintext, parameters);
}
result<std::string> encrypt(std::string_view plaintext, std::string_view receiver_public_key,
                            std::string_view auth_secret, const key_pair& sender, std::string_view salt) {
  return encryptor().encrypt(plaintext, receiver_public_key, auth_secret, sender, salt, 0);
}

}  // namespace social::push
