#include "actors/push/own_devices.hpp"

#include <algorithm>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/push/draft.hpp"
#include "actors/push/rows.hpp"

namespace social::push {
namespace {

using namespace domain::subscription;

bool was_removed(const domain::erased& reply) {
  const auto* view = std::get_if<removed_view>(&domain::unerase<domain::subscription::reply>(reply));
  return view != nullptr && view->removed;
}

}  // namespace

void remove_device_of(const environment& env, const remove_own_device& message) {
  const auto [user, seq] = message.request;
  draft rows(*env.store.rows);
  const auto known = rows.get<state>(subscription_key(user));
  if (rows.failure()) return message.done->answer(*rows.failure());
  const auto devices = known ? known->devices : std::vector<device>{};
  const auto found = std::ranges::find(devices, seq, &device::seq);
  // One that is gone may have been taken away by this very call: then the stored outcome says so.
  const bool gone = found == devices.end();
  if (gone && !message.context.idempotency.given()) return message.done->answer(error_code::subscription_not_found);
  command_own_subscription(
      env, user, message.context,
      domain::subscription::remove_device{seq, 0, gone ? std::string() : endpoint_hash(found->endpoint)},
      [done = message.done](const result<domain::erased_ptr>& reply) {
        if (!reply) return done->answer(reply.error());
        if (!was_removed(**reply)) return done->answer(error_code::subscription_not_found);
        done->answer(protocol::device_removed{(*reply)->replayed});
      });
}

}  // namespace social::push
