#include <nlohmann/json.hpp>

#include "actors/inspect/inspector.hpp"
#include "tests/support/deterministic_node.hpp"

namespace social::inspect {
namespace {

using social::test::deterministic_node;

/// An inspector whose actor is gone before the node ends.
struct world {
  deterministic_node node;
  inspector inside{*node};
  std::vector<result<void>> outcomes;

  void replay(const std::string& id) {
    inside.replay(id, [this](result<void> outcome) { outcomes.push_back(std::move(outcome)); });
    node.run();
  }
  ~world() {
    inside.stop();
    node.run();
    CHECK(node.ended());
  }
};

bool has_colon(std::string_view id) {
  return id.find(':') != std::string_view::npos;
}

TEST_CASE("a replay goes to the first component that owns the id", "[inspect]") {
  world w;
  std::vector<std::string> kafka;
  std::vector<std::string> push;
  w.inside.add_replayer(has_colon, [&](std::string id, const auto& done) {
    kafka.push_back(std::move(id));
    done({});
  });
  w.inside.add_replayer([](std::string_view id) { return id != "nobody"; },
                        [&](std::string id, const auto& done) {
                          push.push_back(std::move(id));
                          done(error_code::overloaded);
                        });
  w.replay("v1.event.user-joined-dlt:0:17");
  w.replay("1795449600000-abc");
  w.replay("nobody");
  CHECK(kafka == std::vector<std::string>{"v1.event.user-joined-dlt:0:17"});
  CHECK(push == std::vector<std::string>{"1795449600000-abc"});
  REQUIRE(w.outcomes.size() == 3);
  CHECK(w.outcomes[0]);
  CHECK(w.outcomes[1].error().code == error_code::overloaded);
  CHECK(w.outcomes[2].error().code == error_code::not_found);
}

TEST_CASE("a replay that nobody acknowledges is answered once, after ten seconds", "[inspect]") {
  world w;
  std::function<void(result<void>)> late;
  w.inside.add_replayer(has_colon, [&](const std::string&, auto done) { late = std::move(done); });
  w.replay("a:0:1");
  w.node.pass(std::chrono::milliseconds(9'900));
  w.node.run();
  CHECK(w.outcomes.empty());
  w.node.pass(std::chrono::milliseconds(200));
  w.node.run();
  REQUIRE(w.outcomes.size() == 1);
  CHECK(w.outcomes[0].error().code == error_code::outcome_unknown);
  late({});
  CHECK(w.outcomes.size() == 1);
}

TEST_CASE("a replay after the end is refused", "[inspect]") {
  world w;
  bool asked = false;
  w.inside.add_replayer(has_colon, [&](const std::string&, const auto&) { asked = true; });
  w.inside.stop();
  w.replay("a:0:1");
  REQUIRE(w.outcomes.size() == 1);
  CHECK(w.outcomes[0].error().code == error_code::shutting_down);
  CHECK_FALSE(asked);
}

TEST_CASE("subscribers, journals and dead letters are told by all that have some", "[inspect]") {
  world w;
  CHECK_FALSE(w.inside.report("subscribers"));
  CHECK_FALSE(w.inside.report("journals"));
  w.inside.add_journal([] { return R"({"store":"api"})"; });
  w.inside.add_journal([] { return R"({"store":"push"})"; });
  CHECK(w.inside.report("journals") == R"([{"store":"api"},{"store":"push"}])");
  w.inside.add_subscriber([] { return R"({"name":"push"})"; });
  w.inside.add_subscriber([] { return R"({"name":"kafka"})"; });
  w.inside.add_dead_letters("kafka", [] { return "[]"; });
  CHECK(w.inside.report("subscribers") == R"([{"name":"push"},{"name":"kafka"}])");
  const auto letters = nlohmann::json::parse(*w.inside.report("dead-letters"));
  CHECK(letters["kafka"].is_array());
  CHECK(letters["node"]["newest"].is_array());
}

}  // namespace
}  // namespace social::inspect
