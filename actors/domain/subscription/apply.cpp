#include <algorithm>
#include <cassert>

#include "actors/base/digest.hpp"
#include "actors/base/json_writer.hpp"
#include "actors/base/overloaded.hpp"
#include "actors/domain/subscription/subscription.hpp"

namespace social::domain {
namespace {

using namespace subscription;

void put(state& s, const device& d) {
  const auto found = std::ranges::find(s.devices, d.seq, &device::seq);
  if (found == s.devices.end()) {
    s.devices.push_back(d);
  } else {
    *found = d;
  }
}

void record(device& d, const delivery_recorded& e) {
  if (e.accepted) {
    d.last_success_at = e.at;
    d.failures = 0;
    d.first_failure_at.reset();
  } else if (d.failures++ == 0) {
    d.first_failure_at = e.at;
  }
}

/// `scheme://host:port` of a URL: the rest of an endpoint is a capability, and so is what stands before an '@'.
std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return "?";
  auto authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  return std::string(url.substr(0, scheme + 3)).append(authority);
}

std::string shown_endpoint(const device& d) {
  constexpr std::string_view hex = "0123456789abcdef";
  auto shown = origin_of(d.endpoint) + "/...";
  const auto digest = sha256(d.endpoint);
  for (std::size_t i = 0; i < 4; ++i) {
    shown += hex[digest[i] >> 4];
    shown += hex[digest[i] & 0x0F];
  }
  return shown;
}

void write_redacted(json_writer& writer, const device& d) {
  writer.begin_object().member("seq", d.seq).member("endpoint", shown_endpoint(d)).member("locale", d.locale);
  writer.member("vapidKeyId", d.vapid_key_id).time_member("createAt", d.created_at);
  if (d.last_success_at) writer.time_member("lastSuccessAt", *d.last_success_at);
  writer.member("failures", d.failures);
  if (d.first_failure_at) writer.time_member("firstFailureAt", *d.first_failure_at);
  writer.end_object();
}

}  // namespace

void subscription_aggregate::apply(state& s, const event& e) {
  const auto belongs_to = [&](std::uint64_t user) {
    assert(user != 0 && (s.user == 0 || s.user == user));
    s.user = user;
  };
  const auto without = [&](const std::vector<std::uint64_t>& replaced) {
    std::erase_if(s.devices, [&](const device& d) { return std::ranges::find(replaced, d.seq) != replaced.end(); });
  };
  std::visit(overloaded{
                 [&](const device_subscribed& subscribed) {
                   belongs_to(subscribed.user);
                   without(subscribed.replaced);
                   put(s, subscribed.subscribed);
                   assert(s.devices.size() <= replicated_devices_per_user_max);
                 },
                 [&](const device_removed& removed) {
                   belongs_to(removed.user);
                   without({removed.seq});
                 },
                 [&](const delivery_recorded& recorded) {
                   assert(s.user == recorded.user);
                   const auto found = std::ranges::find(s.devices, recorded.seq, &device::seq);
                   assert(found != s.devices.end());
                   record(*found, recorded);
                 },
                 [&](const device_replicated& replicated) {
                   belongs_to(replicated.user);
                   without(replicated.replaced);
                   put(s, replicated.replicated);
                   assert(s.devices.size() <= replicated_devices_per_user_max);
                 },
                 [&](const version_withdrawn& withdrawn) { belongs_to(withdrawn.user); },
             },
             e);
}

void subscription_aggregate::project(const event& e, const state& after, row_sink& sink) {
  const auto owns = [&](std::uint64_t user, const device& d, endpoint_row row) {
    row.user = user;
    row.row_version = d.row_version;
    sink.put({table::endpoint, 0, 0, endpoint_hash(d.endpoint)}, row);
    sink.put_empty({table::subscriber_user, user, 0, {}});
  };
  std::visit(overloaded{
                 [&](const device_subscribed& subscribed) {
                   for (const auto& hash : subscribed.replaced_endpoints) sink.erase({table::endpoint, 0, 0, hash});
                   owns(subscribed.user, subscribed.subscribed, {0, 0, subscribed.place, false, subscribed.replaces});
                 },
                 [&](const device_removed& removed) {
                   if (removed.owned_endpoint) sink.erase({table::endpoint, 0, 0, removed.endpoint_hash});
                   if (after.devices.empty()) sink.erase({table::subscriber_user, removed.user, 0, {}});
                 },
                 [&](const delivery_recorded&) {},
                 [&](const device_replicated& replicated) {
                   owns(replicated.user, replicated.replicated, {0, 0, replicated.place, true, replicated.replaces});
                 },
                 [&](const version_withdrawn&) {},
             },
             e);
}

std::string subscription_aggregate::redacted(const state& s) {
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("user", s.user).key("devices").begin_array();
  for (const auto& d : s.devices) write_redacted(writer, d);
  writer.end_array().end_object();
  return out;
}

}  // namespace social::domain
