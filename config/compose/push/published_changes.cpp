#include "config/compose/push/published_changes.hpp"

#include <string>
#include <utility>

namespace social::compose {
namespace {

error as_in_doubt(const error& why) {
  if (why.code == error_code::shutting_down || why.code == error_code::outcome_unknown) return why;
  return {error_code::outcome_unknown,
          "The change was made, but other push processes may not know it: " + std::string(why.text())};
}

/// Tells `done` what came of a change of this user's devices.
template <class T>
std::function<void(result<T>)> told_later(const when_published_function& when_published, id_t user,
                                          std::function<void(result<T>)> done) {
  return [when_published, user, done = std::move(done)](result<T> changed) {
    if (!changed) return done(std::move(changed));
    when_published(user, [done, changed = std::move(changed)](const result<void>& published) {
      if (!published) return done(as_in_doubt(published.error()));
      done(changed);
    });
  };
}

}  // namespace

kafka::push_service told_when_published(kafka::push_service service, when_published_function when_published) {
  kafka::push_service out;
  out.push_key = std::move(service.push_key);
  out.subscribe = [subscribe = std::move(service.subscribe), when_published](auto request, auto context, auto done) {
    const auto user = request.user;
    subscribe(std::move(request), std::move(context), told_later(when_published, user, std::move(done)));
  };
  out.remove_device = [remove = std::move(service.remove_device), when_published](auto request, auto context,
                                                                                  auto done) {
    const auto user = request.user;
    remove(request, std::move(context), told_later(when_published, user, std::move(done)));
  };
  return out;
}

}  // namespace social::compose
