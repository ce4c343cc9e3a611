// Byte-exact with the RFCs' examples, and decrypted again along another path of OpenSSL than the one that encrypts.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string>

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "actors/base/base64.hpp"
#include "actors/push/encryption.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::push;

namespace {

nlohmann::json vectors() {
  const char* root = std::getenv("SOCIAL_SOURCE_DIR");  // ctest says it; by hand from the project's root
  std::ifstream file(std::string(root != nullptr ? root : ".") + "/tests/vectors/webpush.json");
  REQUIRE(file.good());
  return nlohmann::json::parse(file);
}

std::string decoded(const nlohmann::json& value) {
  return base64_decode(value.get<std::string>()).value();
}

template <std::size_t N>
std::string text_of(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

unsigned char* raw(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string hkdf(std::string salt, std::string key, std::string info, std::size_t length) {
  std::string out(length, '\0');
  std::string digest = "SHA256";
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                                   OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
                                   OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
                                   OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
                                   OSSL_PARAM_construct_end()};
  const int done = EVP_KDF_derive(context, raw(out), out.size(), parameters);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  REQUIRE(done == 1);
  return out;
}

EVP_PKEY* imported(std::string public_key, const std::string& private_key) {
  std::string group = "P-256";
  // OSSL_PARAM holds integers in the machine's byte order.
  std::string native(private_key.rbegin(), private_key.rend());
  OSSL_PARAM parameters[4];
  std::size_t count = 0;
  parameters[count++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0);
  parameters[count++] =
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size());
  if (!native.empty())
    parameters[count++] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, raw(native), native.size());
  parameters[count] = OSSL_PARAM_construct_end();
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* key = nullptr;
  REQUIRE(EVP_PKEY_fromdata_init(context) == 1);
  REQUIRE(EVP_PKEY_fromdata(context, &key, native.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, parameters) == 1);
  EVP_PKEY_CTX_free(context);
  return key;
}

/// What a browser does with a body of one record; the record's padding is kept.
std::string decrypted(const std::string& body, const key_pair& receiver, const std::string& auth) {
  const std::string salt = body.substr(0, 16);
  const std::string sender = body.substr(21, 65);
  EVP_PKEY* own = imported(text_of(receiver.public_key), text_of(receiver.private_key));
  EVP_PKEY* peer = imported(sender, "");
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(own, nullptr);
  std::string secret(32, '\0');
  std::size_t length = secret.size();
  REQUIRE(EVP_PKEY_derive_init(context) == 1);
  REQUIRE(EVP_PKEY_derive_set_peer(context, peer) == 1);
  REQUIRE(EVP_PKEY_derive(context, raw(secret), &length) == 1);
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(own);
  EVP_PKEY_free(peer);

  const std::string info = std::string("WebPush: info\0", 14) + text_of(receiver.public_key) + sender;
  const std::string key_material = hkdf(auth, secret, info, 32);
  std::string key = hkdf(salt, key_material, std::string("Content-Encoding: aes128gcm\0", 28), 16);
  std::string nonce = hkdf(salt, key_material, std::string("Content-Encoding: nonce\0", 24), 12);
  std::string record = body.substr(86, body.size() - 86 - 16);
  std::string tag = body.substr(body.size() - 16);
  EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
  int part = 0;
  REQUIRE(EVP_DecryptInit_ex(cipher, EVP_aes_128_gcm(), nullptr, raw(key), raw(nonce)) == 1);
  REQUIRE(EVP_DecryptUpdate(cipher, raw(record), &part, raw(record), static_cast<int>(record.size())) == 1);
  REQUIRE(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, 16, tag.data()) == 1);
  REQUIRE(EVP_DecryptFinal_ex(cipher, raw(record), &part) == 1);
  EVP_CIPHER_CTX_free(cipher);
  return record;
}

}  // namespace

TEST_CASE("RFC 8291 appendix A, byte for byte", "[push][encryption]") {
  const auto vector = vectors().at("rfc8291_appendix_a");
  const auto sender = key_pair_of(decoded(vector.at("as_private")));
  REQUIRE(sender);
  const auto plaintext = vector.at("plaintext").get<std::string>();
  const auto receiver = decoded(vector.at("ua_public"));
  const auto auth = decoded(vector.at("auth_secret"));
  const auto salt = decoded(vector.at("salt"));
  const auto body = encrypt(plaintext, receiver, auth, *sender, salt);
  REQUIRE(body);
  CHECK(base64url_encode(*body) == vector.at("body"));

  // An object that has done other work gives the same bytes.
  encryptor reused;
  REQUIRE(reused.encrypt("something else", receiver, auth));
  REQUIRE_FALSE(reused.encrypt("something else", receiver.substr(1), auth));
  const auto again = reused.encrypt(plaintext, receiver, auth, *sender, salt, 0);
  REQUIRE(again);
  CHECK(*again == *body);
  CHECK(text_of(key_pair_of(decoded(vector.at("ua_private"))).value().public_key) == receiver);
}

TEST_CASE("RFC 8188 3.1 and 3.2, byte for byte", "[push][encryption]") {
  const auto one = vectors().at("rfc8188_3_1");
  const auto first = decoded(one.at("body"));
  const auto key = decoded(one.at("key"));
  const auto plaintext = one.at("plaintext").get<std::string>();
  const auto body = encode_aes128gcm(plaintext, {.key_material = key, .salt = first.substr(0, 16)});
  REQUIRE(body);
  CHECK(*body == first);

  const auto two = vectors().at("rfc8188_3_2");
  const auto second = decoded(two.at("body"));
  const auto other_key = decoded(two.at("key"));
  const std::size_t padding[] = {1, 0};
  const auto records = encode_aes128gcm(plaintext, {.key_material = other_key,
                                                    .salt = second.substr(0, 16),
                                                    .key_id = "a1",
                                                    .record_size = 25,
                                                    .padding_bytes = padding});
  REQUIRE(records);
  CHECK(*records == second);
}

TEST_CASE("parameters of the content encoding are checked", "[push][encryption]") {
  const std::string salt(16, 's');
  CHECK_FALSE(encode_aes128gcm("x", {.key_material = "k", .salt = "short"}));
  CHECK_FALSE(encode_aes128gcm("x", {.key_material = "k", .salt = salt, .record_size = 17}));
  CHECK(encode_aes128gcm("xyz", {.key_material = "k", .salt = salt, .record_size = 18}).value().size() == 21 + 3 * 18);
  const std::string key_id(256, 'k');
  CHECK_FALSE(encode_aes128gcm("x", {.key_material = "k", .salt = salt, .key_id = key_id}));
  CHECK(encode_aes128gcm("x", {.key_material = "k", .salt = salt, .key_id = std::string_view(key_id).substr(1)}));
  const std::size_t too_much[] = {1};
  CHECK_FALSE(encode_aes128gcm("x", {.key_material = "k", .salt = salt, .record_size = 18, .padding_bytes = too_much}));
  // Nothing at all is one record with only its delimiter.
  CHECK(encode_aes128gcm("", {.key_material = "", .salt = salt}).value().size() == 21 + 1 + 16);
}

TEST_CASE("each message has a key pair and a salt of its own and is padded", "[push][encryption]") {
  encryptor sender;
  const auto receiver = sender.make_key_pair().value();
  const auto public_key = text_of(receiver.public_key);
  const std::string auth = "0123456789abcdef";
  const auto [size, padded] = GENERATE(table<std::size_t, std::size_t>(
      {{0, 512}, {1, 512}, {512, 512}, {513, 1024}, {1024, 1024}, {1025, 2048}, {2049, 3052}, {3052, 3052}}));
  const bool with_stock = GENERATE(false, true);
  if (with_stock) CHECK(sender.prepare_key_pairs(1) == 1);

  const std::string payload(size, 'p');
  const auto body = sender.encrypt(payload, public_key, auth);
  REQUIRE(body);
  CHECK(body->size() == 86 + padded + 17);
  CHECK(body->size() <= body_bytes_max);
  CHECK(body->substr(16, 5) == std::string("\0\0\x10\0\x41", 5));
  CHECK(decrypted(*body, receiver, auth) == payload + '\2' + std::string(padded - size, '\0'));

  const auto other = sender.encrypt(payload, public_key, auth);
  REQUIRE(other);
  CHECK(other->substr(0, 16) != body->substr(0, 16));
  CHECK(other->substr(21, 65) != body->substr(21, 65));
}

TEST_CASE("what does not fit or is no key is refused", "[push][encryption]") {
  encryptor sender;
  const auto receiver = text_of(sender.make_key_pair().value().public_key);
  const std::string auth(16, 'a');
  CHECK_FALSE(sender.encrypt(std::string(3053, 'x'), receiver, auth));
  CHECK_FALSE(sender.encrypt("x", receiver, std::string(15, 'a')));
  CHECK_FALSE(sender.encrypt("x", receiver, std::string(17, 'a')));
  auto off_curve = receiver;
  off_curve.back() = static_cast<char>(off_curve.back() ^ 1);
  CHECK_FALSE(sender.encrypt("x", off_curve, auth));

  // The whole body may have 4096 bytes and not one more.
  const auto pair = sender.make_key_pair().value();
  const std::string salt(16, 's');
  CHECK(sender.encrypt(std::string(3993, 'x'), receiver, auth, pair, salt, 0).value().size() == 4096);
  CHECK_FALSE(sender.encrypt(std::string(3994, 'x'), receiver, auth, pair, salt, 0));
  CHECK(sender.encrypt(std::string(3000, 'x'), receiver, auth, pair, salt, 993).value().size() == 4096);
  CHECK_FALSE(sender.encrypt(std::string(3000, 'x'), receiver, auth, pair, salt, 994));
}

TEST_CASE("points and private keys are judged", "[push][encryption]") {
  const auto point = text_of(encryptor().make_key_pair().value().public_key);
  CHECK(is_p256_point(point));
  auto changed = point;
  changed[40] = static_cast<char>(changed[40] ^ 0x20);
  CHECK_FALSE(is_p256_point(changed));
  CHECK_FALSE(is_p256_point(""));
  CHECK_FALSE(is_p256_point(point.substr(0, 64)));
  CHECK_FALSE(is_p256_point(point + "x"));
  CHECK_FALSE(is_p256_point(std::string(65, '\0')));
  CHECK_FALSE(is_p256_point(std::string("\4") + std::string(64, '\0')));
  CHECK_FALSE(is_p256_point(std::string("\4") + std::string(64, '\xff')));
  // Compressed and hybrid spellings of the same point are not what p256dh may be.
  CHECK_FALSE(is_p256_point((point[64] & 1 ? "\3" : "\2") + point.substr(1, 32)));
  CHECK_FALSE(is_p256_point((point[64] & 1 ? "\7" : "\6") + point.substr(1)));

  CHECK_FALSE(key_pair_of(std::string(32, '\0')));
  CHECK_FALSE(key_pair_of(std::string(32, '\xff')));
  CHECK_FALSE(key_pair_of(std::string(31, '\1')));
  CHECK(key_pair_of(std::string(32, '\1')));
}

TEST_CASE("prepared key pairs are bounded and used once", "[push][encryption]") {
  encryptor sender;
  CHECK(sender.prepare_key_pairs(3) == 3);
  CHECK(sender.prepare_key_pairs(encryptor::spare_key_pairs_max + 10) == encryptor::spare_key_pairs_max);
  const auto receiver = text_of(sender.make_key_pair().value().public_key);
  std::set<std::string> senders;
  for (int i = 0; i < 20; ++i)
    senders.insert(sender.encrypt("x", receiver, std::string(16, 'a')).value().substr(21, 65));
  CHECK(senders.size() == 20);
  CHECK(sender.prepare_key_pairs(0) == encryptor::spare_key_pairs_max - 20);
}
