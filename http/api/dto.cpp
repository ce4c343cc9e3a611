#include "http/api/dto.hpp"

#include "actors/base/json_writer.hpp"

namespace social::http::dto {
namespace {

constexpr std::size_t user_bytes = 256;  // usual sizes, so that a text grows once
constexpr std::size_t post_bytes = 640;

void write_email(json_writer& json, const std::string& address) {
  json.key("email").begin_object().member("address", address).end_object();
}

void write_updated(json_writer& json, const std::optional<std::int64_t>& at) {
  if (at) json.time_member("updatedAt", *at);
}

void write_user(json_writer& json, const domain::user::account_view& account) {
  json.begin_object().member("seq", account.seq).member("name", account.name);
  write_email(json, account.email);
  json.member_if("profileImageUrl", account.profile_image_url).member("loginCount", account.login_count);
  if (account.last_login_at) json.time_member("lastLoginAt", *account.last_login_at);
  json.time_member("createAt", account.created_at).end_object();
}

void write_writer(json_writer& json, const domain::person& who) {
  json.key("writer").begin_object().member("seq", who.seq).member("name", who.name);
  write_email(json, who.email);
  json.end_object();
}

void write_post(json_writer& json, const domain::post::post_view& post) {
  json.begin_object().member("seq", post.seq).member("contents", post.contents);
  json.member("likes", post.numbers.likes).member("likesOfMe", post.likes_of_me);
  json.member("comments", post.numbers.comments).member("views", post.numbers.views);
  write_writer(json, post.writer);
  json.time_member("createAt", post.created_at);
  write_updated(json, post.updated_at);
  json.end_object();
}

void write_comment(json_writer& json, const domain::comment::comment_view& comment) {
  json.begin_object().member("seq", comment.seq).member("contents", comment.contents);
  write_writer(json, comment.writer);
  json.time_member("createAt", comment.created_at);
  write_updated(json, comment.updated_at);
  json.end_object();
}

template <class Write>
std::string made(std::size_t bytes, Write write) {
  std::string out;
  out.reserve(bytes);
  json_writer json(out);
  write(json);
  return out;
}

template <class T>
std::string array_of(const std::vector<T>& list, void (*write)(json_writer&, const T&)) {
  return made(2 + list.size() * post_bytes, [&](json_writer& json) {
    json.begin_array();
    for (const auto& each : list) write(json, each);
    json.end_array();
  });
}

std::string_view word(domain::user::connection_state state) {
  switch (state) {
    case domain::user::connection_state::requested:
      return "requested";
    case domain::user::connection_state::granted:
      return "granted";
    case domain::user::connection_state::none:
      break;
  }
  return "none";
}

}  // namespace

std::string user(const domain::user::account_view& account) {
  return made(user_bytes, [&](json_writer& json) { write_user(json, account); });
}

std::string token_and_user(std::string_view token, const domain::user::account_view& account) {
  return made(token.size() + user_bytes, [&](json_writer& json) {
    json.begin_object().member("apiToken", token).key("user");
    write_user(json, account);
    json.end_object();
  });
}

std::string connection(const domain::user::connection_view& connection) {
  return made(user_bytes, [&](json_writer& json) {
    json.begin_object().member("userId", connection.user_id).member("targetId", connection.target_id);
    json.member("state", word(connection.state)).end_object();
  });
}

std::string post(const domain::post::post_view& post) {
  return made(post_bytes, [&](json_writer& json) { write_post(json, post); });
}
std::string posts(const std::vector<domain::post::post_view>& list) {
  return array_of(list, write_post);
}

std::string comment(const domain::comment::comment_view& comment) {
  return made(post_bytes, [&](json_writer& json) { write_comment(json, comment); });
}
std::string comments(const std::vector<domain::comment::comment_view>& list) {
  return array_of(list, write_comment);
}

std::string subscription(const domain::subscription::device_view& device) {
  return made(post_bytes, [&](json_writer& json) {
    json.begin_object().member("seq", device.seq).member("userId", device.user_id);
    json.member("notificationEndPoint", device.endpoint).member("locale", device.locale);
    json.time_member("createAt", device.created_at).end_object();
  });
}

std::string push_key(const protocol::push_key& key) {
  return made(user_bytes, [&](json_writer& json) {
    json.begin_object().member("publicKey", key.public_key).member("keyId", key.key_id).end_object();
  });
}

}  // namespace social::http::dto
