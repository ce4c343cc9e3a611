#include "actors/verify/push/push_rules.hpp"

#include <algorithm>
#include <variant>

#include "actors/base/overloaded.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/verify/replayed_as.hpp"

namespace social::verify {
namespace {

using namespace domain;
using namespace domain::subscription;

constexpr const char* other = "the event names another person";
constexpr const char* too_many = "with this device there are more than a person may have";
constexpr const char* no_device = "the event is of a device that is not there";

struct subscription_rules {
  /// Any event may be the first, and any may follow.
  static bool begins(std::uint16_t /*type*/) { return false; }

  static const char* misfit(const subscription::state& s, id_t id, const subscription::event& event) {
    const auto put = [&](std::uint64_t user, const device& d, const std::vector<std::uint64_t>& replaced) {
      const auto stays = [&](const device& one) {
        return one.seq != d.seq && std::ranges::find(replaced, one.seq) == replaced.end();
      };
      const auto others = static_cast<std::size_t>(std::ranges::count_if(s.devices, stays));
      if (user != id) return other;
      return others + 1 > replicated_devices_per_user_max ? too_many : nullptr;
    };
    const auto of = [&](std::uint64_t user) { return user == id ? nullptr : other; };
    return std::visit(overloaded{
                          [&](const device_subscribed& e) { return put(e.user, e.subscribed, e.replaced); },
                          [&](const device_replicated& e) { return put(e.user, e.replicated, e.replaced); },
                          [&](const device_removed& e) -> const char* { return of(e.user); },
                          [&](const version_withdrawn& e) -> const char* { return of(e.user); },
                          [&](const delivery_recorded& e) -> const char* {
                            if (e.user != s.user) return other;
                            const bool known = std::ranges::find(s.devices, e.seq, &device::seq) != s.devices.end();
                            return known ? nullptr : no_device;
                          },
                      },
                      event);
  }
};

}  // namespace

std::vector<replayed_kind> push_kinds() {
  return {replayed_as<subscription_aggregate, subscription_rules>::kind()};
}

}  // namespace social::verify
