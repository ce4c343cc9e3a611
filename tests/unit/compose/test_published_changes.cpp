// What whoever asked hears of a change that is made here and not known elsewhere yet.
#include <deque>

#include "config/compose/push/published_changes.hpp"
#include "tests/support/catch.hpp"

namespace social::compose {
namespace {

using domain::subscription::device_view;

/// A push role and a table that answer when the test says so.
struct wiring {
  std::deque<std::function<void(result<device_view>)>> subscriptions;
  std::deque<std::function<void(result<protocol::device_removed>)>> removals;
  std::deque<std::pair<id_t, std::function<void(result<void>)>>> published;
  std::vector<result<device_view>> saved;
  std::vector<result<protocol::device_removed>> removed;
  kafka::push_service under_test;

  wiring() {
    kafka::push_service role;
    role.subscribe = [this](auto, auto, auto done) { subscriptions.push_back(std::move(done)); };
    role.remove_device = [this](auto, auto, auto done) { removals.push_back(std::move(done)); };
    role.push_key = [] { return result<protocol::push_key>(protocol::push_key{"key", "1"}); };
    under_test = told_when_published(std::move(role), [this](id_t user, std::function<void(result<void>)> done) {
      published.emplace_back(user, std::move(done));
    });
  }
  void subscribe() {
    protocol::subscribe_request request;
    request.user = 65;
    under_test.subscribe(request, {}, [this](result<device_view> outcome) { saved.push_back(std::move(outcome)); });
  }
  void remove() {
    under_test.remove_device(
        {66, 12}, {}, [this](result<protocol::device_removed> outcome) { removed.push_back(std::move(outcome)); });
  }
};

}  // namespace

TEST_CASE("a change is told when it is in the table, not before", "[compose]") {
  wiring w;
  w.subscribe();
  w.subscriptions.at(0)(device_view{12, 65, "e", "ko", 1});
  CHECK(w.saved.empty());
  REQUIRE(w.published.size() == 1);
  CHECK(w.published[0].first == 65);
  w.published[0].second({});
  REQUIRE(w.saved.size() == 1);
  CHECK(w.saved[0].value().seq == 12);

  w.remove();
  w.removals.at(0)(protocol::device_removed{});
  CHECK(w.removed.empty());
  CHECK(w.published.at(1).first == 66);
  w.published[1].second({});
  REQUIRE(w.removed.size() == 1);
  CHECK(w.removed[0]);
  CHECK(w.under_test.push_key().value().key_id == "1");
}

TEST_CASE("a change that was refused waits for no table", "[compose]") {
  wiring w;
  w.subscribe();
  w.subscriptions.at(0)(error{error_code::too_many_devices});
  w.remove();
  w.removals.at(0)(error{error_code::overloaded});
  CHECK(w.published.empty());
  CHECK(w.saved.at(0).error().code == error_code::too_many_devices);
  CHECK(w.removed.at(0).error().code == error_code::overloaded);
}

TEST_CASE("a change that was made is in doubt when the table cannot be told, never undone", "[compose]") {
  const auto [why, told] = GENERATE(table<error_code, error_code>({
      {error_code::unavailable, error_code::outcome_unknown},
      {error_code::overloaded, error_code::outcome_unknown},
      {error_code::outcome_unknown, error_code::outcome_unknown},
      {error_code::shutting_down, error_code::shutting_down},
  }));
  wiring w;
  w.subscribe();
  w.subscriptions.at(0)(device_view{12, 65, "e", "ko", 1});
  w.published.at(0).second(error{why, "the outbox stands"});
  REQUIRE(w.saved.size() == 1);
  REQUIRE(!w.saved[0]);
  CHECK(w.saved[0].error().code == told);
  CHECK(w.saved[0].error().message.find("the outbox stands") != std::string::npos);
  w.remove();
  w.removals.at(0)(protocol::device_removed{});
  w.published.at(1).second(error{why});
  REQUIRE(!w.removed.at(0));
  CHECK(w.removed[0].error().code == told);
}

}  // namespace social::compose
