#include "config/compose/api/verify_api.hpp"

#include "actors/verify/api/api_store.hpp"

namespace social::compose {

std::string verify_api(const verify::store_view& store) {
  const auto seen = verify::verify_api_store(store);
  const auto number = [](std::uint64_t count, const char* what) { return std::to_string(count) + " " + what; };
  return number(seen.users, "users, ") + number(seen.posts, "posts, ") + number(seen.comments, "comments, ") +
         number(seen.likes, "likes, ") + number(seen.connections, "connections, ") +
         number(seen.replay.entities, "entities replayed from their first event");
}

}  // namespace social::compose
