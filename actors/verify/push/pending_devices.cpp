#include "actors/verify/push/pending_devices.hpp"

#include <variant>

#include "actors/base/overloaded.hpp"
#include "actors/push/rows.hpp"

namespace social::verify {
namespace {

using namespace domain::subscription;

constexpr std::size_t devices_max = 1'000'000;
constexpr std::size_t records_per_read = 1000;
constexpr std::size_t bytes_per_read = std::size_t{1} << 20;

}  // namespace

pending_devices::pending_devices(const store_view& store) : store_(store) {
  for (shard_t shard = 0; shard < store.log.shards() && !is_everything_; ++shard) {
    const auto cursor = looked_up<push::reaction_cursor_row>(store, push::reaction_cursor_key(shard));
    read(shard, cursor ? cursor->position : 0);
  }
}

void pending_devices::read(shard_t shard, std::uint64_t after) {
  while (!is_everything_) {
    const auto records = store_.log.read(shard, after, records_per_read, bytes_per_read);
    if (!records || devices_.size() > devices_max) is_everything_ = true;
    if (!records || records->empty()) return;
    for (const auto& record : *records) {
      for (const auto& encoded : record.events) {
        if (encoded.kind != domain::aggregate_kind::subscription) continue;
        const auto event = domain::decode_event<domain::subscription_aggregate>(encoded.type, encoded.bytes);
        if (event) add(*event);
      }
      after = record.first_sequence + record.events.size() - 1;
    }
  }
}

void pending_devices::add(const event& e) {
  const auto withdrawn = [this](const std::vector<withdrawn_version>& versions) {
    for (const auto& gone : versions) devices_.insert(device_seq_of_hash(gone.endpoint_hash));
  };
  const auto replaced = [this](const std::vector<std::uint64_t>& devices) {
    devices_.insert(devices.begin(), devices.end());
  };
  std::visit(overloaded{
                 [&](const device_subscribed& one) {
                   devices_.insert(one.subscribed.seq);
                   replaced(one.replaced);
                   withdrawn(one.withdrawn);
                 },
                 [&](const device_removed& one) {
                   devices_.insert(one.seq);
                   withdrawn(one.withdrawn);
                 },
                 [&](const device_replicated& one) {
                   devices_.insert(one.replicated.seq);
                   replaced(one.replaced);
                   withdrawn(one.withdrawn);
                 },
                 [](const delivery_recorded&) {},
                 [](const version_withdrawn&) {},
             },
             e);
}

}  // namespace social::verify
