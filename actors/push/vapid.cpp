#include "actors/push/vapid.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "actors/base/base64.hpp"
#include "actors/base/json_writer.hpp"

namespace social::push {

std::string problem_of_subject(std::string_view subject) {
  if (subject.size() > 256) return "must have at most 256 characters";
  const auto strange = [](char c) {
    return c <= ' ' || c >= 0x7f || std::string_view("<>\"\\").find(c) != std::string_view::npos;
  };
  if (std::ranges::any_of(subject, strange)) return "must not have spaces, angle brackets or quotes";
  if (subject.starts_with("mailto:")) {
    const auto address = subject.substr(7);
    const auto at = address.find('@');
    if (at == 0 || at == std::string_view::npos || at + 1 == address.size()) return "must name an e-mail address";
    return {};
  }
  if (subject.starts_with("https://")) return subject.size() > 8 && subject[8] != '/' ? "" : "must name a host";
  return "must start with mailto: or https://";
}

vapid::vapid(std::shared_ptr<const vapid_keys> keys, vapid_options options)
    : keys_(std::move(keys)), options_(std::move(options)) {
  if (options_.token_life_s < 2 * 3600 || options_.token_life_s > 24 * 3600 || options_.tokens_max == 0)
    throw std::logic_error("VAPID tokens live between 2 and 24 hours, and at least one is cached");
  if (!options_.subject.empty() && !problem_of_subject(options_.subject).empty())
    throw std::logic_error("VAPID subject " + problem_of_subject(options_.subject));
}

result<std::string> vapid::authorization(std::string_view origin, std::string_view key_id, timestamp_t now) {
  std::string name(key_id);
  name.append(" ").append(origin);
  // From half of its life on a token is renewed: with a life of two hours at least never more often than hourly, which
  // some services insist on. A clock that was set back far enough would put `exp` more than 24 hours ahead.
  const auto half_life_ms = options_.token_life_s * 1000 / 2;
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(name);
  if (found != tokens_.end() && now - found->second.signed_at < half_life_ms &&
      found->second.signed_at - now < half_life_ms)
    return found->second.authorization;
  auto value = signed_token(origin, key_id, now);
  if (!value) return value;
  ++tokens_signed_;
  if (found == tokens_.end()) make_room();
  tokens_.insert_or_assign(std::move(name), token{*value, now});
  return value;
}

result<std::string> vapid::signed_token(std::string_view origin, std::string_view key_id, timestamp_t now) const {
  const auto public_key = keys_->public_key(key_id);
  if (public_key.empty()) return error{error_code::not_found, "there is no VAPID key " + std::string(key_id)};
  std::string claims;
  json_writer writer(claims);
  writer.begin_object().member("aud", origin).member("exp", now / 1000 + options_.token_life_s);
  if (!options_.subject.empty()) writer.member("sub", options_.subject);
  writer.end_object();
  std::string token = base64url_encode(R"({"typ":"JWT","alg":"ES256"})") + "." + base64url_encode(claims);
  const auto signature = keys_->sign(key_id, token);
  if (!signature) return signature.error();
  return "vapid t=" + token + "." + base64url_encode(*signature) + ", k=" + public_key;
}

void vapid::make_room() {
  if (tokens_.size() < options_.tokens_max) return;
  tokens_.erase(std::ranges::min_element(tokens_, {}, [](const auto& entry) { return entry.second.signed_at; }));
}

std::uint64_t vapid::tokens_signed() const {
  const std::lock_guard lock(mutex_);
  return tokens_signed_;
}

std::size_t vapid::tokens_cached() const {
  const std::lock_guard lock(mutex_);
  return tokens_.size();
}

}  // namespace social::push
