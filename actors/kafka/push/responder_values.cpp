#include "actors/kafka/push/responder_values.hpp"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/base/base64.hpp"
#include "actors/base/json_writer.hpp"

namespace social::kafka {
namespace {

using nlohmann::json;

/// Names of the members of the two forms, as errors name them.
struct subscription_names {
  const char* endpoint;
  const char* public_key;
  const char* auth;
};
constexpr subscription_names our_names{"notificationEndPoint", "publicKey", "auth"};
constexpr subscription_names browser_names{"endpoint", "keys.p256dh", "keys.auth"};

/// Reads members of one object and remembers what is wrong with them.
class member_reader {
 public:
  explicit member_reader(const json& object) : object_(object) {}

  /// `path`: `a`, or `a.b` for a member of a member.
  std::string text(const char* path, bool required) {
    const auto* found = find(path);
    if (found == nullptr) {
      if (required) problem(path, "is required");
      return {};
    }
    if (!found->is_string()) {
      problem(path, "must be a string");
      return {};
    }
    return found->get<std::string>();
  }
  /// A number, or its decimal text, as languages without 64-bit integers send it.
  id_t number(const char* name) {
    const auto* found = find(name);
    if (found == nullptr) {
      problem(name, "is required");
      return 0;
    }
    id_t value = 0;
    if (found->is_number_unsigned() && found->get<std::uint64_t>() <= max_id) value = found->get<id_t>();
    if (found->is_string()) value = parse_id(found->get_ref<const std::string&>());
    if (value == 0) problem(name, "must be a positive number below 2^53");
    return value;
  }
  void problem(const char* name, const char* reason) { problems_.push_back({name, reason}); }

  [[nodiscard]] bool good() const { return problems_.empty(); }
  error refusal() {
    error why(error_code::invalid_input);
    why.fields = std::move(problems_);
    return why;
  }

 private:
  /// null stands for a member that is not there.
  [[nodiscard]] const json* find(std::string_view path) const {
    const json* at = &object_;
    for (;;) {
      const auto dot = path.find('.');
      if (!at->is_object()) return nullptr;
      const auto found = at->find(path.substr(0, dot));
      if (found == at->end() || found->is_null()) return nullptr;
      at = &*found;
      if (dot == std::string_view::npos) return at;
      path.remove_prefix(dot + 1);
    }
  }

  const json& object_;
  std::vector<field_error> problems_;
};

const subscription_names& names_of(subscription_words words) {
  return words == subscription_words::browsers ? browser_names : our_names;
}

}  // namespace

subscription_words words_of(const json& request) {
  const bool is_browsers = request.contains("endpoint") && !request.contains(our_names.endpoint);
  return is_browsers ? subscription_words::browsers : subscription_words::ours;
}

result<protocol::subscribe_request> read_subscribe_request(const json& request) {
  const auto& names = names_of(words_of(request));
  member_reader members(request);
  protocol::subscribe_request out;
  out.user = members.number("userId");
  out.endpoint = members.text(names.endpoint, true);
  out.public_key = members.text(names.public_key, true);
  out.auth = members.text(names.auth, true);
  out.old_endpoint = members.text("oldEndpoint", false);
  out.locale = members.text("locale", false);
  out.accept_language = members.text("acceptLanguage", false);
  if (!members.good()) return members.refusal();
  return out;
}

error in_words(subscription_words words, error why) {
  const auto& names = names_of(words);
  for (auto& each : why.fields) {
    if (each.field == our_names.endpoint)
      each.field = names.endpoint;
    else if (each.field == our_names.public_key)
      each.field = names.public_key;
    else if (each.field == our_names.auth)
      each.field = names.auth;
  }
  return why;
}

domain::idempotency_mark read_mark(const json& request) {
  constexpr std::size_t key_bytes_max = 200;
  constexpr std::size_t fingerprint_bytes_max = 64;
  const auto text = [&](const char* name) {
    const auto found = request.find(name);
    return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  auto key = text("idempotencyKey");
  const auto fingerprint = base64_decode(text("fingerprint"));
  if (key.empty() || key.size() > key_bytes_max || !fingerprint || fingerprint->empty() ||
      fingerprint->size() > fingerprint_bytes_max)
    return {};
  return {std::move(key), {}, *fingerprint};
}

result<push_request> read_push_request(const json& request) {
  member_reader members(request);
  const auto kind = members.text("kind", true);
  if (!members.good()) return members.refusal();
  if (kind == "public-key") return push_request{public_key_request{}};
  if (kind != "remove") {
    members.problem("kind", "must be public-key or remove");
    return members.refusal();
  }
  protocol::remove_device_request remove;
  remove.user = members.number("userId");
  remove.device = members.number("id");
  if (!members.good()) return members.refusal();
  return push_request{remove};
}

std::string subscription_value(const domain::subscription::device_view& saved) {
  std::string out;
  json_writer value(out);
  value.begin_object().member("seq", saved.seq).member("userId", saved.user_id);
  value.member("notificationEndPoint", std::string_view(saved.endpoint));
  value.member("locale", std::string_view(saved.locale)).time_member("createAt", saved.created_at);
  if (saved.replayed) value.member("replayed", true);
  value.end_object();
  return out;
}

std::string public_key_value(const protocol::push_key& key) {
  std::string out;
  json_writer value(out);
  value.begin_object().member("kind", "public-key").member("publicKey", std::string_view(key.public_key));
  value.member("keyId", std::string_view(key.key_id)).end_object();
  return out;
}

std::string removed_value(const protocol::remove_device_request& request, const protocol::device_removed& outcome) {
  std::string out;
  json_writer value(out);
  value.begin_object().member("kind", "remove").member("userId", request.user).member("id", request.device);
  value.member("removed", true);
  if (outcome.replayed) value.member("replayed", true);
  value.end_object();
  return out;
}

}  // namespace social::kafka
