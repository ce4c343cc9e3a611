#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "actors/base/base64.hpp"
#include "actors/push/encryption.hpp"
#include "actors/push/vapid.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::push;
namespace fs = std::filesystem;

namespace {

struct scratch_folder {
  fs::path path;
  scratch_folder() {
    std::string name = (fs::temp_directory_path() / "vapid-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~scratch_folder() { fs::remove_all(path); }
};

bool verifies(const std::string& text, const std::string& signature, std::string public_key) {
  if (signature.size() != 64 || !is_p256_point(public_key)) return false;
  std::string group = "P-256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX* import = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* key = nullptr;
  REQUIRE(EVP_PKEY_fromdata_init(import) == 1);
  REQUIRE(EVP_PKEY_fromdata(import, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1);
  EVP_PKEY_CTX_free(import);

  const auto* raw = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG* pair = ECDSA_SIG_new();
  ECDSA_SIG_set0(pair, BN_bin2bn(raw, 32, nullptr), BN_bin2bn(raw + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(pair, &der);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  REQUIRE(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key) == 1);
  const int good = EVP_DigestVerify(context, der, static_cast<std::size_t>(length),
                                    reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(context);
  OPENSSL_free(der);
  ECDSA_SIG_free(pair);
  EVP_PKEY_free(key);
  return good == 1;
}

struct credentials {
  std::string signed_text, signature, key;
  nlohmann::json header, claims;
  [[nodiscard]] bool good() const { return verifies(signed_text, signature, key); }
};

/// `vapid t=<JWT>, k=<key>` taken apart as a push service does it.
credentials parsed(const std::string& authorization) {
  REQUIRE(authorization.starts_with("vapid t="));
  const auto comma = authorization.find(", k=");
  REQUIRE(comma != std::string::npos);
  const auto token = authorization.substr(8, comma - 8);
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  REQUIRE(second != std::string::npos);
  credentials c;
  c.signed_text = token.substr(0, second);
  c.header = nlohmann::json::parse(base64_decode(token.substr(0, first)).value());
  c.claims = nlohmann::json::parse(base64_decode(token.substr(first + 1, second - first - 1)).value());
  c.signature = base64_decode(token.substr(second + 1)).value();
  c.key = base64_decode(authorization.substr(comma + 4)).value();
  return c;
}

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string content_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

std::size_t files_in(const fs::path& path) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

constexpr timestamp_t noon = 1'800'000'000'000;
constexpr timestamp_t hour = 3'600'000;

}  // namespace

TEST_CASE("the example of RFC 8292 2.4 verifies", "[push][vapid]") {
  const auto example = parsed(
      "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3Njg"
      "sInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_"
      "HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNj"
      "jvW2L9OkSSHzvoD1oA, "
      "k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs");
  CHECK(example.good());
  CHECK(example.claims ==
        nlohmann::json{{"aud", "https://push.example.net"}, {"exp", 1453523768}, {"sub", "mailto:push@example.com"}});
  auto forged = example;
  forged.signed_text.back() ^= 1;
  CHECK_FALSE(forged.good());
}

TEST_CASE("a token names audience, end and contact, and verifies", "[push][vapid]") {
  const scratch_folder folder;
  const auto keys = vapid_keys::open(folder.path / "secrets" / "vapid").value();
  const auto id = keys->current().id;
  vapid signer(keys, {.subject = "mailto:operator@example.com"});
  const auto token = parsed(signer.authorization("https://push.example.net", id, noon + 999).value());
  CHECK(token.good());
  CHECK(base64url_encode(token.key) == keys->current().public_key);
  CHECK(token.header == nlohmann::json{{"typ", "JWT"}, {"alg", "ES256"}});
  CHECK(token.claims == nlohmann::json{{"aud", "https://push.example.net"},
                                       {"exp", noon / 1000 + 12 * 3600},
                                       {"sub", "mailto:operator@example.com"}});
  CHECK(signer.authorization("https://push.example.net", "0123456789abcdef", noon).error().code ==
        error_code::not_found);

  vapid without_contact(keys, {});
  CHECK_FALSE(parsed(without_contact.authorization("https://localhost:1", id, noon).value()).claims.contains("sub"));
}

TEST_CASE("signatures are r and s of 32 bytes each, also when one is short", "[push][vapid]") {
  const scratch_folder folder;
  const auto keys = vapid_keys::open(folder.path / "vapid").value();
  const auto current = keys->current();
  const auto key = base64_decode(current.public_key).value();
  bool leading_zero = false;
  for (int i = 0; i < 20'000 && !leading_zero; ++i) {
    const auto text = std::to_string(i);
    const auto signature = keys->sign(current.id, text).value();
    REQUIRE(signature.size() == 64);
    leading_zero = signature[0] == '\0' || signature[32] == '\0';
    if (i == 0 || leading_zero) CHECK(verifies(text, signature, key));
  }
  CHECK(leading_zero);
}

TEST_CASE("a token is reused until half of its life", "[push][vapid]") {
  const scratch_folder folder;
  const auto keys = vapid_keys::open(folder.path / "vapid").value();
  const auto id = keys->current().id;
  vapid signer(keys, {.tokens_max = 3});
  const auto at = [&](timestamp_t now, const std::string& origin = "https://a.example.net") {
    return signer.authorization(origin, id, now).value();
  };
  const auto first = at(noon);
  CHECK(at(noon + 6 * hour - 1) == first);
  CHECK(at(noon - 6 * hour + 1) == first);
  CHECK(signer.tokens_signed() == 1);
  const auto renewed = at(noon + 6 * hour);
  CHECK(renewed != first);
  CHECK(parsed(renewed).claims.at("exp") == (noon + 18 * hour) / 1000);
  CHECK(signer.tokens_signed() == 2);
  // A clock set back: the end would be more than 24 hours ahead for the push service.
  CHECK(parsed(at(noon - 20 * hour)).claims.at("exp") == (noon - 8 * hour) / 1000);
  CHECK(signer.tokens_signed() == 3);

  for (int i = 0; i < 10; ++i) at(noon + i, "https://" + std::to_string(i) + ".example.net");
  CHECK(signer.tokens_cached() == 3);
  CHECK(signer.tokens_signed() == 13);
  at(noon + 9, "https://9.example.net");
  CHECK(signer.tokens_signed() == 13);
  at(noon + 10, "https://0.example.net");
  CHECK(signer.tokens_signed() == 14);
}

TEST_CASE("threads share one token", "[push][vapid]") {
  const scratch_folder folder;
  const auto keys = vapid_keys::open(folder.path / "vapid").value();
  vapid signer(keys, {});
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < 200; ++j)
          if (!signer.authorization("https://a.example.net", keys->current().id, noon + j)) ++wrong;
      });
  }
  CHECK(wrong == 0);
  CHECK(signer.tokens_signed() == 1);
}

TEST_CASE("the key is made once, private to its owner", "[push][vapid]") {
  const scratch_folder folder;
  const auto directory = folder.path / "secrets" / "vapid";
  const auto first = vapid_keys::open(directory).value()->current();
  CHECK(first.id.size() == 16);
  CHECK(is_p256_point(base64_decode(first.public_key).value()));
  CHECK(mode_of(directory) == 0700);
  CHECK(mode_of(directory / "key-0001.pem") == 0600);
  CHECK(files_in(directory) == 1);
  CHECK(vapid_keys::open(directory).value()->current().id == first.id);
}

TEST_CASE("of many that start together one makes the key", "[push][vapid]") {
  const scratch_folder folder;
  std::vector<std::string> ids(8);
  {
    std::vector<std::jthread> threads;
    for (auto& id : ids)
      threads.emplace_back([&] { id = vapid_keys::open(folder.path / "vapid").value()->current().id; });
  }
  CHECK(std::ranges::count(ids, ids.front()) == 8);
  CHECK(files_in(folder.path / "vapid") == 1);
}

TEST_CASE("a damaged key file is named and never replaced", "[push][vapid]") {
  const scratch_folder folder;
  const auto directory = folder.path / "vapid";
  REQUIRE(vapid_keys::open(directory));
  const auto file = directory / "key-0001.pem";
  const auto good = content_of(file);
  auto flipped = good;
  flipped[60] = flipped[60] == 'A' ? 'B' : 'A';
  const auto bad = GENERATE_COPY(values<std::string>(
      {"", "nonsense", good.substr(0, good.size() / 2), flipped, std::string(9000, 'x'),
       // A key of another kind.
       "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
       "-----END PRIVATE KEY-----\n"}));
  write(file, bad);
  const auto opened = vapid_keys::open(directory);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == error_code::corrupt_record);
  CHECK(std::string(opened.error().text()).find(file.string()) != std::string::npos);
  CHECK(content_of(file) == bad);
  CHECK(files_in(directory) == 1);
}

TEST_CASE("a key file that everybody may read is refused", "[push][vapid]") {
  const scratch_folder folder;
  const auto directory = folder.path / "vapid";
  REQUIRE(vapid_keys::open(directory));
  REQUIRE(::chmod((directory / "key-0001.pem").c_str(), 0644) == 0);
  CHECK(std::string(vapid_keys::open(directory).error().text()).find("set its mode to 600") != std::string::npos);
}

TEST_CASE("a directory that cannot be made is an error", "[push][vapid]") {
  const scratch_folder folder;
  write(folder.path / "file", "x");
  CHECK(vapid_keys::open(folder.path / "file").error().code == error_code::io_error);
  CHECK(vapid_keys::open(folder.path / "file" / "vapid").error().code == error_code::io_error);
}

TEST_CASE("after a rotation the old key signs for its subscriptions", "[push][vapid]") {
  const scratch_folder folder;
  const auto directory = folder.path / "vapid";
  const auto keys = vapid_keys::open(directory).value();
  const auto other_process = vapid_keys::open(directory).value();
  const auto old_key = keys->current();
  const auto new_id = keys->rotate().value();
  CHECK(new_id != old_key.id);
  CHECK(keys->current().id == new_id);
  CHECK(keys->list().size() == 2);
  CHECK(keys->list().front().id == old_key.id);
  CHECK_FALSE(keys->list().front().current);

  vapid signer(keys, {});
  const auto with_old = parsed(signer.authorization("https://a.example.net", old_key.id, noon).value());
  CHECK(with_old.good());
  CHECK(base64url_encode(with_old.key) == old_key.public_key);
  CHECK(parsed(signer.authorization("https://a.example.net", new_id, noon).value()).key != with_old.key);

  // The other process rotates at the same time: it takes the key that is there.
  CHECK(other_process->current().id == old_key.id);
  CHECK(other_process->rotate().value() == new_id);
  CHECK(files_in(directory) == 2);
  CHECK(keys->rotate());
  REQUIRE(other_process->reload());
  CHECK(other_process->current().id == keys->current().id);
  CHECK(vapid_keys::open(directory).value()->list().size() == 3);
}

TEST_CASE("subjects are judged", "[push][vapid]") {
  for (const auto* subject : {"mailto:operator@example.com", "https://example.com/contact", "https://example.com"}) {
    CAPTURE(subject);
    CHECK(problem_of_subject(subject).empty());
  }
  for (const auto& subject :
       std::vector<std::string>{"", "operator@example.com", "mailto:", "mailto:operator", "mailto:@example.com",
                                "mailto:operator@", "mailto: operator@example.com", "mailto:<operator@example.com>",
                                "http://example.com", "https://", "https:///x", "mailto:operator@example.com\n",
                                "mailto:\"a\"@example.com", "mailto:" + std::string(256, 'a') + "@example.com"}) {
    CAPTURE(subject);
    CHECK_FALSE(problem_of_subject(subject).empty());
  }
}
