#include "http/auth/token.hpp"

#include <algorithm>
#include <cassert>

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "actors/base/base64.hpp"
#include "actors/base/json_guard.hpp"
#include "actors/base/json_writer.hpp"
#include "actors/base/text.hpp"

namespace social::http::auth {
namespace {

constexpr std::string_view header_json = R"({"alg":"HS512","typ":"JWT"})";
constexpr std::string_view role = "ROLE_USER";
constexpr json_limits token_json_limits{.depth_max = 4, .members_max = 64};

/// RFC 7515 section 2: base64url without padding. The decoder also takes plain base64, which would give one token
/// several spellings.
std::optional<std::string> decode_part(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), allowed)) return std::nullopt;
  return base64_decode(text);
}

bool header_is_ours(std::string_view json) {
  if (json == header_json) return true;
  const auto parsed = parse_json(json, token_json_limits);
  if (!parsed || !parsed->is_object()) return false;
  const auto algorithm = parsed->find("alg");
  if (algorithm == parsed->end() || *algorithm != "HS512") return false;
  const auto type = parsed->find("typ");
  if (type != parsed->end() && !(type->is_string() && ascii_lower(type->get_ref<const std::string&>()) == "jwt"))
    return false;
  return !parsed->contains("crit") && !parsed->contains("b64");  // extensions that must be understood (RFC 7515 4.1.11)
}

std::optional<std::int64_t> seconds_of(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto value = found->get<std::uint64_t>();
  if (value > max_id) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

bool has_role(const nlohmann::json& object) {
  const auto roles = object.find("roles");
  return roles != object.end() && roles->is_array() &&
         std::any_of(roles->begin(), roles->end(), [](const nlohmann::json& each) { return each == role; });
}

}  // namespace

token_signer::token_signer(token_options options) : options_(std::move(options)) {
  assert(options_.secret.size() >= token_secret_bytes_min);
  assert(options_.lifetime_s > 0);
}

std::string token_signer::signature(std::string_view signed_part) const {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  HMAC(EVP_sha512(), options_.secret.data(), static_cast<int>(options_.secret.size()),
       reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  out.resize(size);
  return out;
}

std::string token_signer::issue(const claims& who, timestamp_t now) const {
  const std::int64_t issued_s = now / 1000;
  std::string body;
  json_writer json(body);
  json.begin_object().member("iss", options_.issuer).member("iat", issued_s);
  json.member("exp", issued_s + options_.lifetime_s).member("userKey", who.user);
  json.member("name", who.name).member("email", who.email);
  json.key("roles").begin_array().value(role).end_array().member("gen", who.generation).end_object();
  std::string token = base64url_encode(header_json) + '.' + base64url_encode(body);
  const auto proof = base64url_encode(signature(token));
  token += '.';
  token += proof;
  return token;
}

result<claims> token_signer::verify(std::string_view token, timestamp_t now) const {
  const auto refused = error_code::unauthorized;
  if (token.size() > options_.token_bytes_max) return error(refused);
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last) return error(refused);

  // The signature first: nothing of an unsigned token is looked into beyond its bytes.
  const auto proof = decode_part(token.substr(last + 1));
  const auto expected = signature(token.substr(0, last));
  if (!proof || proof->size() != expected.size() || CRYPTO_memcmp(proof->data(), expected.data(), expected.size()) != 0)
    return error(refused);
  const auto header = decode_part(token.substr(0, first));
  const auto body = decode_part(token.substr(first + 1, last - first - 1));
  if (!header || !body || !header_is_ours(*header)) return error(refused);
  return read_claims(*body, now);
}

result<claims> token_signer::read_claims(std::string_view text, timestamp_t now) const {
  constexpr auto refused = error_code::unauthorized;
  const auto parsed = parse_json(text, token_json_limits);
  if (!parsed || !parsed->is_object()) return error(refused);
  const auto& object = *parsed;
  const auto text_of = [&](const char* name) -> const std::string* {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? &found->get_ref<const std::string&>() : nullptr;
  };
  const auto* issuer = text_of("iss");
  const auto* name = text_of("name");
  const auto* email = text_of("email");
  const auto issued_s = seconds_of(object, "iat");
  const auto expires_s = seconds_of(object, "exp");
  const auto user = seconds_of(object, "userKey");
  const auto generation = object.find("gen");
  if (issuer == nullptr || *issuer != options_.issuer || name == nullptr || email == nullptr) return error(refused);
  if (!issued_s || !expires_s || !user || *user == 0 || !has_role(object)) return error(refused);
  if (generation == object.end() || !generation->is_number_unsigned()) return error(refused);
  const std::int64_t now_s = now / 1000;
  if (*expires_s <= now_s || *issued_s > now_s + options_.clock_skew_s) return error(refused);
  return claims{static_cast<id_t>(*user), *name, *email, generation->get<std::uint64_t>(), *issued_s, *expires_s};
}

bool token_signer::due_for_renewal(const claims& who, timestamp_t now) const noexcept {
  return now / 1000 >= who.expires_s - options_.lifetime_s / 10;
}

std::string_view bearer_token(std::string_view value) noexcept {
  constexpr std::string_view scheme = "bearer";
  if (value.size() <= scheme.size()) return {};
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((value[i] | 0x20) != scheme[i]) return {};
  value.remove_prefix(scheme.size());
  const auto begin = value.find_first_not_of(' ');
  if (begin == 0 || begin == std::string_view::npos) return {};
  value.remove_prefix(begin);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  return value;
}

}  // namespace social::http::auth
