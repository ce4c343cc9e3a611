#include <algorithm>
#include <cassert>

#include "actors/base/base64.hpp"
#include "actors/base/digest.hpp"
#include "actors/base/overloaded.hpp"
#include "actors/domain/subscription/rules.hpp"

namespace social::domain {
namespace {

using namespace subscription;
constexpr std::size_t endpoint_bytes_max = 2048;
constexpr std::size_t p256dh_bytes = 65;
constexpr std::size_t auth_bytes = 16;
constexpr char uncompressed_point = 0x04;  // SEC 1, 2.3.3

/// Which rows `lookups` names besides.
constexpr std::size_t old_endpoint_fact = 1;
constexpr std::size_t state_before_fact = 0;
constexpr std::size_t removed_endpoint_fact = 1;

struct keys {
  std::string p256dh;
  std::string auth;
};

/// The decoded keys, or every violated field.
result<keys> validated(const subscribe& c) {
  std::vector<field_error> violations;
  if (c.endpoint.empty() || c.endpoint.size() > endpoint_bytes_max) {
    violations.push_back({"notificationEndPoint", "must have 1 to 2048 characters"});
  } else if (!c.endpoint_problem.empty()) {
    violations.push_back({"notificationEndPoint", c.endpoint_problem});
  }
  auto p256dh = base64_decode(c.p256dh);
  if (!p256dh || p256dh->size() != p256dh_bytes || p256dh->front() != uncompressed_point) {
    violations.push_back({"publicKey", "must be an uncompressed P-256 point of 65 bytes, in base64"});
  } else if (!c.key_problem.empty()) {
    violations.push_back({"publicKey", c.key_problem});
  }
  auto auth = base64_decode(c.auth);
  if (!auth || auth->size() != auth_bytes) violations.push_back({"auth", "must be 16 bytes, in base64"});
  if (!violations.empty()) return invalid_fields(std::move(violations));
  return keys{std::move(*p256dh), std::move(*auth)};
}

/// The device as it will be. The same endpoint of the same person keeps its age and its successes; failures belong to
/// the keys that leave.
device upserted(const state& s, const command_context& context, const subscribe& c, keys decoded) {
  device d;
  d.seq = device_seq(c.endpoint);
  d.row_version = c.row_version;
  d.endpoint = c.endpoint;
  d.p256dh = std::move(decoded.p256dh);
  d.auth = std::move(decoded.auth);
  d.vapid_key_id = c.vapid_key_id;
  d.locale = c.locale;
  d.created_at = context.now;
  if (const auto* before = find_device(s, d.seq)) {
    d.created_at = before->created_at;
    d.last_success_at = before->last_success_at;
  }
  return d;
}

/// The device of `pushsubscriptionchange` leaves; somebody else's, or one that is not there, is not touched.
void replace_old_endpoint(const state& s, const facts& f, const command_context& context, const subscribe& c,
                          device_subscribed& e) {
  if (c.old_endpoint.empty() || c.old_endpoint == c.endpoint) return;
  const auto* old = find_device(s, device_seq(c.old_endpoint));
  if (old == nullptr) return;
  e.replaced.push_back(old->seq);
  const auto row = f.get<endpoint_row>(old_endpoint_fact);
  if (!row || row->user != context.self) return;
  auto hash = endpoint_hash(c.old_endpoint);
  e.replaced_endpoints.push_back(hash);
  e.withdrawn.push_back({std::move(hash), row->row_version});
}

std::uint64_t seq_of(const sha256_digest& digest) noexcept {
  const auto seq = first_64_bits(digest) >> 12;
  return seq == 0 ? 1 : seq;
}

std::int64_t last_sign_of_life(const device& d) {
  return std::max(d.created_at, d.last_success_at.value_or(0));
}

decided decide_subscribe(const state& s, const facts& f, const command_context& context, const subscribe& c) {
  if (context.self == 0 || context.self != context.caller)
    return impossible("a device is subscribed for a third person");
  if (c.row_version == 0) return impossible("a device needs a row version");
  if (c.locale != "ko" && c.locale != "en") return impossible("a device needs a locale");
  auto decoded = validated(c);
  if (!decoded) return std::move(decoded).error();

  device_subscribed e;
  e.user = context.self;
  e.subscribed = upserted(s, context, c, std::move(*decoded));
  if (const auto before = f.get<endpoint_row>(endpoint_fact)) {
    if (before->user != context.self) e.previous_user = before->user;
    e.replaces = predecessors(before);
    e.place = before->place;
    e.withdrawn.push_back({endpoint_hash(c.endpoint), before->row_version});
  }
  replace_old_endpoint(s, f, context, c, e);
  replace_stalest(s, e.subscribed.seq, devices_per_user_max, e.replaced, e.withdrawn);
  return happened<event>(std::move(e));
}

decided decide_remove(const state& s, const facts& f, const command_context& context, const remove_device& c) {
  const auto row = c.endpoint_hash.empty() ? std::nullopt : f.get<endpoint_row>(removed_endpoint_fact);
  const auto* present = find_device(s, c.seq);
  const bool found = present != nullptr && (c.row_version == 0 || c.row_version == present->row_version);
  const auto row_version = found ? present->row_version : c.row_version;
  const bool named = row && row->user == context.self && row->row_version == row_version;
  // A row may outlive its device: a removal that did not know the row, or a device over the limit.
  if (!found && (present != nullptr || !named || c.seq != device_seq_of_hash(c.endpoint_hash)))
    return nothing_happened<event>();
  // A hash of another endpoint says nothing of this device.
  const bool looked_up = !found || c.endpoint_hash == endpoint_hash(present->endpoint);
  if (c.why == removal::superseded && looked_up && named) return nothing_happened<event>();

  device_removed e{context.self, c.seq, looked_up && named, {}, {}};
  if (e.owned_endpoint) e.endpoint_hash = c.endpoint_hash;
  const bool superseded = looked_up && row && !named;  // whoever did that has withdrawn it
  if (c.why == removal::asked && found && !superseded)
    e.withdrawn.push_back({endpoint_hash(present->endpoint), row_version});
  return happened<event>(std::move(e));
}

decided decide_delivery(const state& s, const command_context& context, const record_delivery& c) {
  const auto* found = find_device(s, c.seq);
  if (found == nullptr || found->row_version != c.row_version) return nothing_happened<event>();
  return happened<event>(delivery_recorded{context.self, c.seq, c.accepted, context.now});
}

}  // namespace

const device* subscription::find_device(const state& s, std::uint64_t seq) {
  const auto found = std::ranges::find(s.devices, seq, &device::seq);
  return found == s.devices.end() ? nullptr : &*found;
}

void subscription::replace_stalest(const state& s, std::uint64_t incoming, std::size_t devices_max,
                                   std::vector<std::uint64_t>& replaced, std::vector<withdrawn_version>& withdrawn) {
  std::vector<const device*> others;
  for (const auto& d : s.devices)
    if (d.seq != incoming && std::ranges::find(replaced, d.seq) == replaced.end()) others.push_back(&d);
  std::ranges::stable_sort(others, {}, [](const device* d) { return last_sign_of_life(*d); });
  for (std::size_t i = 0; others.size() - i + 1 > devices_max; ++i) {
    replaced.push_back(others[i]->seq);
    withdrawn.push_back({endpoint_hash(others[i]->endpoint), others[i]->row_version});
  }
}

std::vector<std::uint64_t> subscription::predecessors(const std::optional<endpoint_row>& row) {
  std::vector<std::uint64_t> out;
  if (!row) return out;
  out.push_back(row->row_version);
  for (const auto version : row->replaces)
    if (out.size() < replaces_max) out.push_back(version);
  return out;
}

std::string subscription::endpoint_hash(std::string_view endpoint) {
  const auto digest = sha256(endpoint);
  return {digest.begin(), digest.end()};
}

std::uint64_t subscription::device_seq(std::string_view endpoint) {
  return seq_of(sha256(endpoint));
}

std::uint64_t subscription::device_seq_of_hash(std::string_view endpoint_hash) noexcept {
  sha256_digest digest;
  if (endpoint_hash.size() != digest.size()) return 0;
  std::ranges::copy(endpoint_hash, digest.begin());
  return seq_of(digest);
}

void subscription_aggregate::lookups(const command& c, const command_context& context, std::vector<row_key>& keys) {
  const auto endpoint_of = [&](std::string hash) { keys.push_back({table::endpoint, 0, 0, std::move(hash)}); };
  std::visit(overloaded{
                 [&](const subscribe& s) {
                   endpoint_of(endpoint_hash(s.endpoint));
                   if (!s.old_endpoint.empty()) endpoint_of(endpoint_hash(s.old_endpoint));
                 },
                 [&](const remove_device& r) {
                   // The answer says whether the device was there, which the state after it cannot tell.
                   keys.push_back({table::state, static_cast<std::uint64_t>(kind), context.self, {}});
                   if (!r.endpoint_hash.empty()) endpoint_of(r.endpoint_hash);
                 },
                 [&](const record_delivery&) {},
                 [&](const replicate_device& r) { endpoint_of(endpoint_hash(r.replicated.endpoint)); },
                 [&](const announce_device& a) { endpoint_of(a.endpoint_hash); },
             },
             c);
}

result<decision<event>> subscription_aggregate::decide(const state& s, const facts& f, const command_context& context,
                                                       const command& c) {
  return std::visit(overloaded{
                        [&](const subscribe& sub) { return decide_subscribe(s, f, context, sub); },
                        [&](const remove_device& r) { return decide_remove(s, f, context, r); },
                        [&](const record_delivery& d) { return decide_delivery(s, context, d); },
                        [&](const replicate_device& r) { return decide_replicate(s, f, context, r); },
                        [&](const announce_device& a) { return decide_announce(s, f, context, a); },
                    },
                    c);
}

subscription::reply subscription_aggregate::answer(const state& after, const facts& f, const command_context& context,
                                                   const command& c) {
  return std::visit(overloaded{
                        [&](const subscribe& s) -> subscription::reply {
                          const auto* d = find_device(after, device_seq(s.endpoint));
                          assert(d != nullptr);
                          return device_view{d->seq, context.self, d->endpoint, d->locale, d->created_at};
                        },
                        [&](const remove_device& r) -> subscription::reply {
                          const auto before = f.get<state>(state_before_fact);
                          return removed_view{before && find_device(*before, r.seq) != nullptr &&
                                              find_device(after, r.seq) == nullptr};
                        },
                        [&](const record_delivery&) -> subscription::reply { return nothing_view{}; },
                        [&](const replicate_device&) -> subscription::reply { return nothing_view{}; },
                        [&](const announce_device&) -> subscription::reply { return nothing_view{}; },
                    },
                    c);
}

}  // namespace social::domain
