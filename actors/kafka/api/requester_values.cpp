#include "actors/kafka/api/requester_values.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "actors/base/base64.hpp"
#include "actors/base/json_writer.hpp"
#include "actors/kafka/iso_time.hpp"

namespace social::kafka {
namespace {

using nlohmann::json;

constexpr std::size_t point_bytes = 65;
constexpr char uncompressed_point = 0x04;  // SEC 1, 2.3.3

error unreadable(const char* what) {
  return {error_code::malformed_json, what};
}

std::optional<std::string> text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

/// A number, or its decimal text; 0: neither.
id_t number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return 0;
  if (found->is_string()) return parse_id(found->get_ref<const std::string&>());
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > max_id) return 0;
  return found->get<id_t>();
}

/// Text as we write it, or milliseconds, as some mappers do.
std::optional<timestamp_t> time_of(const json& object, const char* name) {
  if (const auto text = text_of(object, name)) return parse_time(*text);
  const auto number = number_of(object, name);
  return number == 0 ? std::nullopt : std::optional(static_cast<timestamp_t>(number));
}

bool is_there(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && !found->is_null();
}

/// The fingerprint is bytes.
void add_mark(json_writer& value, const domain::idempotency_mark& once) {
  if (!once.given()) return;
  value.member("idempotencyKey", std::string_view(once.key));
  const auto fingerprint = base64url_encode(once.fingerprint);
  value.member("fingerprint", std::string_view(fingerprint));
}

bool is_replayed(const json& reply) {
  const auto found = reply.find("replayed");
  return found != reply.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

std::string subscribe_value(const protocol::subscribe_request& request, const domain::idempotency_mark& once) {
  std::string out;
  json_writer value(out);
  const auto member_if_any = [&](const char* name, const std::string& text) {
    if (!text.empty()) value.member(name, std::string_view(text));
  };
  value.begin_object().member("userId", request.user);
  value.member("notificationEndPoint", std::string_view(request.endpoint));
  value.member("publicKey", std::string_view(request.public_key)).member("auth", std::string_view(request.auth));
  member_if_any("oldEndpoint", request.old_endpoint);
  member_if_any("locale", request.locale);
  member_if_any("acceptLanguage", request.accept_language);
  add_mark(value, once);
  value.end_object();
  return out;
}

std::string remove_value(const protocol::remove_device_request& request, const domain::idempotency_mark& once) {
  std::string out;
  json_writer value(out);
  value.begin_object().member("kind", "remove").member("userId", request.user).member("id", request.device);
  add_mark(value, once);
  value.end_object();
  return out;
}

std::string ask_key_value() {
  return R"({"kind":"public-key"})";
}

result<domain::subscription::device_view> read_subscription(const json& reply,
                                                            const protocol::subscribe_request& asked) {
  domain::subscription::device_view saved;
  saved.seq = number_of(reply, "seq");
  if (saved.seq == 0) return unreadable("the reply has no number of the device");
  const auto time = time_of(reply, "createAt");
  if (!time) return unreadable("the reply has no time of the subscription");
  saved.created_at = *time;
  saved.user_id = asked.user;
  if (is_there(reply, "userId") && number_of(reply, "userId") != asked.user)
    return unreadable("the reply is about another user");
  saved.endpoint = text_of(reply, "notificationEndPoint").value_or(asked.endpoint);
  const auto locale = text_of(reply, "locale").value_or("");
  saved.locale = locale == "en" ? "en" : "ko";
  saved.replayed = is_replayed(reply);
  return saved;
}

result<protocol::device_removed> read_removed(const json& reply) {
  const auto removed = reply.find("removed");
  if (removed == reply.end() || !removed->is_boolean())
    return unreadable("the reply does not say whether it is removed");
  if (!removed->get<bool>()) return error{error_code::subscription_not_found};
  return protocol::device_removed{is_replayed(reply)};
}

result<protocol::push_key> read_push_key(const json& reply) {
  const auto key = base64_decode(text_of(reply, "publicKey").value_or(""));
  if (!key || key->size() != point_bytes || key->front() != uncompressed_point)
    return unreadable("the reply has no public key");
  return protocol::push_key{base64url_encode(*key), text_of(reply, "keyId").value_or("")};
}

}  // namespace social::kafka
