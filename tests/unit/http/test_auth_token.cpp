#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "actors/base/base64.hpp"
#include "http/auth/services.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::http::auth;

namespace {

const std::string secret(64, 'k');
constexpr timestamp_t now = 1'700'000'000'000;
const std::string good_header = R"({"alg":"HS512","typ":"JWT"})";
const std::string good_body = R"({"iss":"social-server","iat":1700000000,"exp":1700000060,"userKey":7,"name":"H",)"
                              R"("email":"h@x.yz","roles":["ROLE_USER"],"gen":3})";

token_signer signer() {
  token_options o;
  o.secret = secret;
  return token_signer(std::move(o));
}

std::string sign(const std::string& header, const std::string& body, const EVP_MD* digest = EVP_sha512(),
                 const std::string& key = secret) {
  std::string token = base64url_encode(header) + "." + base64url_encode(body);
  std::string proof(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(token.data()),
       token.size(), reinterpret_cast<unsigned char*>(proof.data()), &size);
  proof.resize(size);
  return token + "." + base64url_encode(proof);
}

bool accepted(const std::string& token, timestamp_t at = now) {
  return signer().verify(token, at).has_value();
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a token comes back as it was issued", "[auth][token]") {
  claims who{.user = max_id, .name = "\xed\x95\xb4\xeb\xa6\xac \"x\"", .email = "h@x.yz", .generation = max_id};
  const auto token = signer().issue(who, now);
  const auto read = signer().verify(token, now + 24 * 3600 * 1000 - 1000);
  REQUIRE(read);
  CHECK(read->user == who.user);
  CHECK(read->name == who.name);
  CHECK(read->email == who.email);
  CHECK(read->generation == who.generation);
  CHECK(read->issued_s == now / 1000);
  CHECK_FALSE(accepted(token, now + 24 * 3600 * 1000));
}

TEST_CASE("tokens of others who know the key are read, whatever the order of their header", "[auth][token]") {
  CHECK(accepted(sign(good_header, good_body)));
  CHECK(accepted(sign(R"({"typ":"jwt","alg":"HS512"})", good_body)));
  CHECK(accepted(sign(R"({"alg":"HS512"})", good_body)));
}

TEST_CASE("no other algorithm, key or extension", "[auth][token]") {
  CHECK_FALSE(accepted(sign(R"({"alg":"HS256","typ":"JWT"})", good_body, EVP_sha256())));
  CHECK_FALSE(accepted(sign(R"({"alg":"HS256","typ":"JWT"})", good_body)));
  CHECK_FALSE(accepted(sign(R"({"alg":"none"})", good_body)));
  CHECK_FALSE(accepted(base64url_encode(R"({"alg":"none"})") + "." + base64url_encode(good_body) + "."));
  CHECK_FALSE(accepted(sign(R"({"alg":"hs512"})", good_body)));
  CHECK_FALSE(accepted(sign(R"({"alg":["HS512"]})", good_body)));
  CHECK_FALSE(accepted(sign(R"({"alg":"HS512","typ":"JWE"})", good_body)));
  CHECK_FALSE(accepted(sign(R"({"alg":"HS512","crit":["exp"]})", good_body)));
  CHECK_FALSE(accepted(sign(R"({"alg":"none","alg":"HS512"})", good_body)));
  CHECK_FALSE(accepted(sign("not json", good_body)));
  CHECK_FALSE(accepted(sign(good_header, good_body, EVP_sha512(), std::string(64, 'l'))));
}

TEST_CASE("every changed or missing claim is refused", "[auth][token]") {
  const std::vector<std::pair<std::string, std::string>> changes{{R"("social-server")", R"("other")"},
                                                                 {R"("iss":"social-server",)", ""},
                                                                 {"\"exp\":1700000060", "\"exp\":1700000000"},
                                                                 {"\"exp\":1700000060,", ""},
                                                                 {"\"exp\":1700000060", "\"exp\":\"1700000060\""},
                                                                 {"\"iat\":1700000000", "\"iat\":1700000061"},
                                                                 {"\"iat\":1700000000", "\"iat\":-1"},
                                                                 {"\"userKey\":7", "\"userKey\":0"},
                                                                 {"\"userKey\":7", "\"userKey\":-7"},
                                                                 {"\"userKey\":7", "\"userKey\":7.5"},
                                                                 {"\"userKey\":7", "\"userKey\":\"7\""},
                                                                 {"\"userKey\":7", "\"userKey\":9007199254740992"},
                                                                 {"ROLE_USER", "ROLE_ADMIN"},
                                                                 {"[\"ROLE_USER\"]", "\"ROLE_USER\""},
                                                                 {"\"gen\":3", "\"gen\":\"3\""},
                                                                 {",\"gen\":3", ""},
                                                                 {"\"name\":\"H\"", "\"name\":null"},
                                                                 {"\"gen\":3", "\"gen\":3,\"gen\":4"}};
  for (const auto& [from, to] : changes) {
    INFO(from << " -> " << to);
    CHECK_FALSE(accepted(sign(good_header, changed(good_body, from, to))));
  }
  CHECK_FALSE(accepted(sign(good_header, "not json")));
  CHECK_FALSE(accepted(sign(good_header, "[]")));
}

TEST_CASE("no changed byte and no second spelling", "[auth][token]") {
  const auto token = sign(good_header, good_body);
  REQUIRE(accepted(token));
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto broken = token;
    broken[i] = broken[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(accepted(broken));
  }
  CHECK_FALSE(accepted(token + "="));
  CHECK_FALSE(accepted(token + "."));
  CHECK_FALSE(accepted("." + token));
  CHECK_FALSE(accepted(token + ".x"));
  CHECK_FALSE(accepted(""));
  CHECK_FALSE(accepted("a.b"));
  CHECK_FALSE(accepted(std::string(5000, '.')));
  CHECK_FALSE(accepted(std::string(5000, 'a')));
}

TEST_CASE("the bearer of a header", "[auth][token]") {
  CHECK(bearer_token("Bearer abc") == "abc");
  CHECK(bearer_token("BEARER   abc ") == "abc");
  for (const auto* text : {"", "Bearer", "Bearer ", "Bearerabc", "Basic abc", "Beare\x12 abc"})
    CHECK(bearer_token(text).empty());
}

TEST_CASE("the cache keeps what is used, within its limit", "[auth][token]") {
  token_cache cache(64);
  const auto name = [](int i) {
    return "token-" + std::to_string(i) + "-" + std::string(1, static_cast<char>('a' + i % 16)) + "1234567";
  };
  const auto kept = std::make_shared<const claims>();
  cache.put("used-p1234567", kept);
  for (int i = 0; i < 1000; ++i) {
    cache.put(name(i), std::make_shared<const claims>());
    CHECK(cache.find("used-p1234567") == kept);
    CHECK(cache.size() <= 64 + 16);
  }
  CHECK(cache.find(name(0)) == nullptr);
  CHECK(cache.find("") == nullptr);
}

TEST_CASE("generations rise, and stay within their limit", "[auth]") {
  generation_table table(128);
  CHECK_FALSE(table.find(1));
  table.set(1, 5);
  table.set(1, 4);
  CHECK(table.find(1) == std::uint64_t{5});
  table.set(1, 6);
  CHECK(table.find(1) == std::uint64_t{6});
  for (social::id_t id = 1; id < 10'000; ++id) table.set(id * 64, 1);
  CHECK(table.size() <= 128);
}
