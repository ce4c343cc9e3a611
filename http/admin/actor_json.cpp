#include "http/admin/actor_json.hpp"

#include "actors/base/json_writer.hpp"

namespace social::http::admin {
namespace {

void write_members(json_writer& json, const protocol::actor_info& actor) {
  json.member("kind", std::string_view(actor.kind))
      .member("id", actor.id)
      .member("shard", actor.shard)
      .member("mailboxDepth", actor.mailbox_depth)
      .member("messagesHandled", actor.messages_handled)
      .member("failures", actor.failures)
      .member("busyMicros", actor.busy_us)
      .member("p50Micros", actor.p50_us)
      .member("p99Micros", actor.p99_us)
      .member("lastMessage", std::string_view(actor.last_message))
      .member("idleMillis", actor.idle_ms);
}

}  // namespace

std::string to_json(const std::vector<protocol::actor_info>& actors) {
  std::string out;
  json_writer json(out);
  json.begin_array();
  for (const auto& actor : actors) {
    json.begin_object();
    write_members(json, actor);
    json.end_object();
  }
  json.end_array();
  return out;
}

std::string to_json(const protocol::actor_detail& actor) {
  std::string out;
  json_writer json(out);
  json.begin_object();
  write_members(json, actor.info);
  if (actor.state_json.empty())
    json.member("unresponsive", true);
  else
    json.key("state").raw(actor.state_json);
  json.end_object();
  return out;
}

std::string to_json(const std::vector<protocol::readiness_check>& checks, bool is_ready) {
  std::string out;
  json_writer json(out);
  json.begin_object().member("status", is_ready ? "ready" : "not_ready").key("checks").begin_array();
  for (const auto& check : checks) {
    json.begin_object()
        .member("name", std::string_view(check.name))
        .member("ok", check.ok)
        .member("degraded", check.degraded);
    if (!check.reason.empty()) json.member("reason", std::string_view(check.reason));
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

std::optional<protocol::actor_order> order_from(std::string_view text) noexcept {
  if (text == "mailbox") return protocol::actor_order::mailbox;
  if (text == "busy") return protocol::actor_order::busy;
  if (text == "age") return protocol::actor_order::age;
  return std::nullopt;
}

}  // namespace social::http::admin
