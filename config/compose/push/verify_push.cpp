#include "config/compose/push/verify_push.hpp"

#include "actors/verify/push/push_store.hpp"

namespace social::compose {

std::string verify_push(const verify::store_view& store, const ports::journal* api_log) {
  const auto seen = verify::verify_push_store(store, api_log);
  const auto number = [](std::uint64_t count, const char* what) { return std::to_string(count) + " " + what; };
  return number(seen.users, "subscribers, ") + number(seen.devices, "devices, ") +
         number(seen.deliveries, "deliveries, ") + number(seen.dead_letters, "dead letters, ") +
         number(seen.replay.entities, "entities replayed from their first event");
}

}  // namespace social::compose
