// Parts of the rules that decide.cpp and replicate.cpp share; nobody else includes it.
#pragma once

#include "actors/domain/outcome.hpp"
#include "actors/domain/subscription/subscription.hpp"

namespace social::domain::subscription {

using decided = result<decision<event>>;

/// Which row `lookups` names first for commands about one endpoint.
inline constexpr std::size_t endpoint_fact = 0;

const device* find_device(const state& s, std::uint64_t seq);

/// What has to leave so that, with the device `incoming`, at most `devices_max` remain: the stalest, without those in
/// `replaced` already. Appended to both lists. Their endpoint rows are a reaction's business: only it looks up
/// whether they are still this user's.
void replace_stalest(const state& s, std::uint64_t incoming, std::size_t devices_max,
                     std::vector<std::uint64_t>& replaced, std::vector<withdrawn_version>& withdrawn);

/// What a version that replaces the one of `row` names: that one and some of its predecessors.
std::vector<std::uint64_t> predecessors(const std::optional<endpoint_row>& row);

decided decide_replicate(const state& s, const facts& f, const command_context& context, const replicate_device& c);
decided decide_announce(const state& s, const facts& f, const command_context& context, const announce_device& c);

}  // namespace social::domain::subscription
