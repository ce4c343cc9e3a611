// The Subscription aggregate: the devices of one user. Lives in the push store.
#pragma once

#include "actors/domain/aggregate.hpp"
#include "actors/domain/subscription/commands.hpp"
#include "actors/domain/subscription/events.hpp"

namespace social::domain {

struct subscription_aggregate {
  static constexpr aggregate_kind kind = aggregate_kind::subscription;
  static constexpr std::string_view name = "subscription";
  using state = subscription::state;
  using command = subscription::command;
  using event = subscription::event;
  using reply = subscription::reply;

  static void lookups(const command& c, const command_context& context, std::vector<row_key>& keys);
  static result<decision<event>> decide(const state& s, const facts& f, const command_context& context,
                                        const command& c);
  static void apply(state& s, const event& e);
  static void project(const event& e, const state& after, row_sink& sink);
  static reply answer(const state& after, const facts& f, const command_context& context, const command& c);
  static std::string redacted(const state& s);
};

namespace subscription {
inline constexpr std::size_t devices_per_user_max = 20;
/// Push processes that subscribe for one person at the same time may exceed it together; the person's next subscription
/// ends that.
inline constexpr std::size_t replicated_devices_per_user_max = 40;
/// Predecessors that a version names.
inline constexpr std::size_t replaces_max = 4;
/// First 52 bits of the SHA-256 of the endpoint; never 0.
std::uint64_t device_seq(std::string_view endpoint);
/// The same from the whole `endpoint_hash`; 0 when that is none.
std::uint64_t device_seq_of_hash(std::string_view endpoint_hash) noexcept;
/// SHA-256 of the endpoint, 32 raw bytes: the key of its endpoint row.
std::string endpoint_hash(std::string_view endpoint);
}  // namespace subscription

}  // namespace social::domain
