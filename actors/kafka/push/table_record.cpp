#include "actors/kafka/push/table_record.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "actors/base/base64.hpp"
#include "actors/base/json_writer.hpp"
#include "actors/base/overloaded.hpp"
#include "actors/base/text.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/kafka/codec.hpp"
#include "actors/kafka/iso_time.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

using namespace domain::subscription;
using nlohmann::json;

constexpr std::size_t hash_bytes = 32;
constexpr std::size_t endpoint_bytes_max = 2048;
constexpr std::size_t p256dh_bytes = 65;
constexpr std::size_t auth_bytes = 16;
constexpr std::size_t key_id_bytes_max = 128;
constexpr std::string_view hex_digits = "0123456789abcdef";

/// Decimal text of a positive number; 0: anything else.
std::uint64_t version_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() && !text.empty() ? value : 0;
}

std::optional<std::string> bytes_of_hex(std::string_view text) {
  if (text.size() != hash_bytes * 2) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digits.find(text[i]);
    const auto low = hex_digits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

/// `{}` when the key is none of ours.
table_change key_of(const record& from) {
  table_change out;
  if (!from.key) return out;
  const std::string_view key(*from.key);
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return out;
  const auto version = version_of(key.substr(slash + 1));
  auto hash = bytes_of_hex(key.substr(0, slash));
  if (version == 0 || !hash) return out;
  out.endpoint_hash = std::move(*hash);
  out.row_version = version;
  return out;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Of a fixed size; empty: it is not there, or of another size.
std::string key_bytes_of(const json& object, const char* name, std::size_t size) {
  auto bytes = base64_decode(text_of(object, name));
  return bytes && bytes->size() == size ? std::move(*bytes) : std::string();
}

std::vector<std::uint64_t> versions_of(const json& object, const char* name) {
  std::vector<std::uint64_t> out;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return out;
  for (const auto& each : *found)
    if (const auto version = each.is_string() ? version_of(each.get_ref<const std::string&>()) : 0;
        version != 0 && out.size() < replaces_max)
      out.push_back(version);
  return out;
}

error unusable(std::string_view field) {
  return {error_code::invalid_input, "the field " + std::string(field) + " of a subscription is missing or wrong"};
}

result<table_change::device_of_user> device_of(const json& object, const table_change& key) {
  table_change::device_of_user out;
  const auto user = object.find("userId");
  if (user != object.end() && user->is_number_unsigned()) out.user = user->get<id_t>();
  if (out.user == 0 || out.user > max_id) return unusable("userId");
  auto& d = out.device;
  d.endpoint = text_of(object, "endpoint");
  if (d.endpoint.empty() || d.endpoint.size() > endpoint_bytes_max || endpoint_hash(d.endpoint) != key.endpoint_hash)
    return unusable("endpoint");
  d.seq = device_seq(d.endpoint);
  d.row_version = key.row_version;
  if (version_of(text_of(object, "version")) != key.row_version) return unusable("version");
  const auto keys = object.find("keys");
  if (keys == object.end() || !keys->is_object()) return unusable("keys");
  d.p256dh = key_bytes_of(*keys, "p256dh", p256dh_bytes);
  d.auth = key_bytes_of(*keys, "auth", auth_bytes);
  if (d.p256dh.empty() || d.p256dh.front() != 0x04 || d.auth.empty()) return unusable("keys");
  d.vapid_key_id = text_of(object, "vapidKeyId");
  if (d.vapid_key_id.size() > key_id_bytes_max) return unusable("vapidKeyId");
  d.locale = text_of(object, "locale");
  if (d.locale != "ko") d.locale = "en";  // as for one that names neither
  const auto created = parse_time(text_of(object, "createAt"));
  if (!created) return unusable("createAt");
  d.created_at = *created;
  out.replaces = versions_of(object, "replaces");
  return out;
}

std::string value_of(const device_subscribed& e) {
  const auto& d = e.subscribed;
  const auto version = std::to_string(d.row_version);
  std::string out;
  json_writer json(out);
  json.begin_object().member("userId", e.user).member("version", std::string_view(version));
  json.member("endpoint", std::string_view(d.endpoint)).key("keys").begin_object();
  json.member("p256dh", std::string_view(base64url_encode(d.p256dh)));
  json.member("auth", std::string_view(base64url_encode(d.auth))).end_object();
  json.member("locale", std::string_view(d.locale)).member("vapidKeyId", std::string_view(d.vapid_key_id));
  json.time_member("createAt", d.created_at);
  if (!e.replaces.empty()) {
    json.key("replaces").begin_array();
    for (const auto each : e.replaces) json.value(std::string_view(std::to_string(each)));
    json.end_array();
  }
  json.end_object();
  return out;
}

record table_record(std::string key, const std::string& source) {
  record out;
  out.topic = topic::subscription_table;
  out.key = std::move(key);
  out.headers.push_back({"ce_source", source});
  return out;
}

/// The new version first: whoever reads so far and no further has a device rather than none.
void publish(const event& what, std::uint64_t sequence, const std::string& source, publications& out) {
  if (const auto* e = std::get_if<device_subscribed>(&what)) {
    auto upsert = table_record(table_key(endpoint_hash(e->subscribed.endpoint), e->subscribed.row_version), source);
    write_value(upsert, value_of(*e), {});
    out.push_back({sequence, std::move(upsert)});
  }
  std::visit(
      [&](const auto& e) {
        if constexpr (requires { e.withdrawn; })
          for (const auto& gone : e.withdrawn)
            out.push_back({sequence, table_record(table_key(gone.endpoint_hash, gone.row_version), source)});
      },
      what);
}

bool knows_what_it_replaced(const domain::encoded_event& encoded) {
  const bool changed = encoded.type == device_subscribed::type || encoded.type == device_removed::type;
  return !changed || (!encoded.bytes.empty() && static_cast<std::uint8_t>(encoded.bytes.front()) >= 2);
}

}  // namespace

std::string table_key(std::string_view endpoint_hash, std::uint64_t row_version) {
  std::string out;
  for (const char c : endpoint_hash) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(hex_digits[byte >> 4]);
    out.push_back(hex_digits[byte & 15]);
  }
  return out.append("/").append(std::to_string(row_version));
}

result<table_change> read_table_record(const record& from) {
  auto change = key_of(from);
  if (change.row_version == 0)
    return error{error_code::invalid_input, "the key of a subscription is not <endpoint hash>/<version>"};
  if (!from.value) return change;
  const auto object = read_value(from.value);
  if (!object) return object.error();
  auto device = device_of(*object, change);
  if (!device) return device.error();
  change.device = std::move(*device);
  return change;
}

publish_function publish_subscriptions(std::string source) {
  return [source = std::move(source)](const ports::journal_record& from, publications& out) -> result<void> {
    std::optional<error> first_failure;
    for (std::size_t i = 0; i < from.events.size(); ++i) {
      const auto& encoded = from.events[i];
      if (encoded.kind != domain::aggregate_kind::subscription || !knows_what_it_replaced(encoded)) continue;
      const auto sequence = from.first_sequence + i;
      const auto decoded = domain::decode_event<domain::subscription_aggregate>(encoded.type, encoded.bytes);
      if (decoded) {
        publish(*decoded, sequence, source, out);
      } else if (!first_failure) {
        first_failure =
            error{error_code::corrupt_record, "event " + std::to_string(from.shard) + "-" + std::to_string(sequence) +
                                                  ": " + std::string(decoded.error().text())};
      }
    }
    if (first_failure) return *std::move(first_failure);
    return {};
  };
}

}  // namespace social::kafka
