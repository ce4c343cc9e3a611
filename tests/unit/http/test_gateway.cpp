#include "actors/domain/post/post.hpp"
#include "http/gateway/gateway.hpp"
#include "tests/support/deterministic_node.hpp"

namespace social::http::test {
namespace {

using namespace social::test;

/// A gateway on a node without threads, over routes that keep what they get. Deadlines run on the real monotonic clock:
/// a deadline of 0 has passed at the next tick, a long one never does.
struct fixture {
  deterministic_node node;
  std::vector<protocol::command_message> commands;
  std::vector<protocol::query_message> queries;
  std::vector<std::function<void(result<domain::subscription::device_view>)>> subscriptions;
  struct removal {
    protocol::remove_device_request request;
    domain::command_context context;
    std::function<void(result<protocol::device_removed>)> done;
  };
  std::vector<removal> removals;
  std::vector<std::function<void(result<protocol::push_key>)>> keys;
  std::vector<std::pair<io_index, std::function<void()>>> posted;
  std::unique_ptr<gateway> under_test;

  explicit fixture(gateway_options options = {}, bool routed = true) {
    gateway_routes routes;
    if (routed) {
      routes.command = [this](protocol::command_message m) { commands.push_back(std::move(m)); };
      routes.query = [this](protocol::query_message m) { queries.push_back(std::move(m)); };
      routes.subscribe = [this](auto, auto, auto done) { subscriptions.push_back(std::move(done)); };
      routes.remove_device = [this](auto request, auto context, auto done) {
        removals.push_back({request, std::move(context), std::move(done)});
      };
      routes.push_key = [this](auto done) { keys.push_back(std::move(done)); };
    }
    under_test = std::make_unique<gateway>(
        *node, options, std::move(routes), shard_t{4}, 2,
        [this](io_index io, std::function<void()> task) { posted.emplace_back(io, std::move(task)); });
  }
  ~fixture() {
    under_test.reset();
    commands.clear();
    queries.clear();
    subscriptions.clear();
    removals.clear();
    keys.clear();
    if (!node.ended()) std::abort();
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  template <class T>
  using box = std::shared_ptr<std::vector<result<T>>>;
  template <class T>
  static backend::completion<T> into(const box<T>& answers) {
    return [answers](result<T> outcome) { answers->push_back(std::move(outcome)); };
  }
  box<domain::erased_ptr> command(io_index io = 0) {
    auto answers = std::make_shared<std::vector<result<domain::erased_ptr>>>();
    under_test->command(io, {domain::aggregate_kind::post, 5, 0}, {}, domain::erase(1), into(answers));
    node.run();
    return answers;
  }
  box<protocol::answer> query(io_index io = 0) {
    auto answers = std::make_shared<std::vector<result<protocol::answer>>>();
    under_test->query(io, protocol::email_exists{"a@b.c"}, into(answers));
    node.run();
    return answers;
  }
  box<domain::subscription::device_view> subscribe() {
    auto answers = std::make_shared<std::vector<result<domain::subscription::device_view>>>();
    under_test->subscribe(0, {}, {}, into(answers));
    node.run();
    return answers;
  }
  box<protocol::device_removed> remove_device() {
    auto answers = std::make_shared<std::vector<result<protocol::device_removed>>>();
    under_test->remove_device(1, {64, 12}, {}, into(answers));
    node.run();
    return answers;
  }
  box<protocol::push_key> push_key() {
    auto answers = std::make_shared<std::vector<result<protocol::push_key>>>();
    under_test->push_key(0, into(answers));
    node.run();
    return answers;
  }
  /// What the I/O threads would do now.
  std::vector<io_index> run_posted() {
    std::vector<io_index> on;
    for (auto& [io, task] : std::exchange(posted, {})) {
      task();
      on.push_back(io);
    }
    return on;
  }
};

gateway_options at_once() {
  gateway_options options;
  options.ask_deadline_ms = 0;
  return options;
}

TEST_CASE("what the push role is asked may take longer, and holds up nobody who waits less", "[gateway]") {
  auto options = at_once();
  options.push_deadline_ms = 3'600'000;
  fixture f(options);
  const auto device = f.subscribe();
  const auto removed = f.remove_device();
  const auto key = f.push_key();
  const auto answers = f.command(0);
  f.node.pass(std::chrono::seconds(1));
  f.run_posted();
  REQUIRE(answers->size() == 1);
  CHECK(answers->at(0).error().code == error_code::outcome_unknown);
  CHECK(device->empty());
  CHECK(removed->empty());
  CHECK(key->empty());
  f.subscriptions.at(0)(error_code::too_many_devices);
  f.node.run();
  f.run_posted();
  REQUIRE(device->size() == 1);
  CHECK(device->at(0).error().code == error_code::too_many_devices);
}

TEST_CASE("an answer is handed over on the I/O thread that asked, once", "[gateway]") {
  fixture f;
  const auto answers = f.command(1);
  REQUIRE(f.commands.size() == 1);
  CHECK(f.commands[0].context.now == f.node.clock().now());
  f.commands[0].reply->answer(domain::erase(2));
  f.node.run();
  CHECK(answers->empty());
  CHECK(f.run_posted() == std::vector<io_index>{1});
  REQUIRE(answers->size() == 1);
  CHECK(domain::unerase<int>(*answers->at(0).value()) == 2);

  const auto seen = f.query(0);
  f.queries.at(0).reply->answer(protocol::answer(protocol::exists_answer{true}));
  f.node.run();
  CHECK(f.run_posted() == std::vector<io_index>{0});
  CHECK(std::get<protocol::exists_answer>(seen->at(0).value()).exists);

  const auto device = f.subscribe();
  f.subscriptions.at(0)(error_code::too_many_devices);
  f.node.run();
  f.run_posted();
  CHECK(device->at(0).error().code == error_code::too_many_devices);

  const auto removed = f.remove_device();
  CHECK(f.removals.at(0).request.user == 64);
  CHECK(f.removals.at(0).request.device == 12);
  CHECK(f.removals.at(0).context.now == f.node.clock().now());
  f.removals.at(0).done(protocol::device_removed{});
  CHECK(removed->empty());
  CHECK(f.run_posted() == std::vector<io_index>{1});
  CHECK(removed->at(0).has_value());
}

TEST_CASE("after the deadline a command's outcome is unknown and a question is refused; later replies are counted",
          "[gateway]") {
  fixture f(at_once());
  const auto command = f.command();
  const auto question = f.query();
  const auto device = f.subscribe();
  const auto removed = f.remove_device();
  const auto key = f.push_key();
  f.node.pass(std::chrono::milliseconds(500));
  f.run_posted();
  CHECK(command->at(0).error().code == error_code::outcome_unknown);
  CHECK(question->at(0).error().code == error_code::overloaded);
  CHECK(device->at(0).error().code == error_code::outcome_unknown);
  CHECK(removed->at(0).error().code == error_code::outcome_unknown);
  CHECK(key->at(0).error().code == error_code::unavailable);  // asking for it changes nothing

  f.commands[0].reply->answer(domain::erase(2));
  f.queries[0].reply->answer(protocol::answer(protocol::exists_answer{true}));
  f.subscriptions[0](error_code::internal);
  f.removals[0].done(error_code::internal);
  f.keys[0](error_code::internal);
  f.node.run();
  CHECK(f.run_posted().empty());
  CHECK(command->size() == 1);
  CHECK(f.node->context().dead_letters.counts().at("late_reply") == 5);
}

TEST_CASE("before the deadline nothing is given up", "[gateway]") {
  fixture f;
  const auto command = f.command();
  f.node.pass(std::chrono::seconds(2));
  CHECK(f.run_posted().empty());
  f.commands[0].reply->answer(domain::erase(2));
  f.node.run();
  f.run_posted();
  CHECK(command->at(0).has_value());
  CHECK(f.node->context().dead_letters.counts().empty());
}

TEST_CASE("a command that got lost on the way is answered without waiting for its deadline", "[gateway]") {
  fixture f;
  const auto command = f.command();
  f.commands.clear();
  f.node.run();
  f.run_posted();
  CHECK(command->at(0).error().code == error_code::outcome_unknown);
}

TEST_CASE("at the limit asks are kept, one beyond is refused; each I/O thread has its own", "[gateway]") {
  gateway_options options;
  options.asks_max = 2;
  fixture f(options);
  const auto one = f.command();
  const auto two = f.query();
  const auto three = f.command();
  const auto other = f.command(1);
  f.run_posted();
  CHECK(one->empty());
  CHECK(two->empty());
  CHECK(three->at(0).error().code == error_code::overloaded);
  CHECK(f.node->context().dead_letters.counts().at("asks_full") == 1);
  CHECK(other->empty());
  CHECK(f.commands.size() == 2);
  f.commands[0].reply->answer(domain::erase(2));
  f.node.run();
  const auto again = f.command();
  f.run_posted();
  CHECK(again->empty());
}

TEST_CASE("a role that is not served is unavailable", "[gateway]") {
  fixture f({}, false);
  CHECK(f.command()->at(0).error().code == error_code::unavailable);
  CHECK(f.query()->at(0).error().code == error_code::unavailable);
  CHECK(f.subscribe()->at(0).error().code == error_code::unavailable);
  CHECK(f.remove_device()->at(0).error().code == error_code::unavailable);
  CHECK(f.push_key()->at(0).error().code == error_code::unavailable);
  f.under_test->opened(5, 1);
}

TEST_CASE("the key to subscribe with is answered when it is known", "[gateway]") {
  fixture f;
  const auto answers = f.push_key();
  CHECK(f.run_posted().empty());
  f.keys.at(0)(protocol::push_key{"key", "id"});
  CHECK(f.run_posted() == std::vector<io_index>{0});
  CHECK(answers->at(0)->public_key == "key");
}

std::map<id_t, std::uint64_t> views_of(const fixture& f) {
  std::map<id_t, std::uint64_t> counts;
  for (const auto& message : f.commands) {
    const auto* command = dynamic_cast<const domain::erased_value<domain::post::command>*>(message.command.get());
    if (command == nullptr) continue;
    CHECK(counts.emplace(message.target, std::get<domain::post::add_views>(command->value).count).second);
  }
  return counts;
}

TEST_CASE("views are gathered and written as one command per post", "[gateway]") {
  fixture f;
  f.under_test->opened(5, 1);
  f.under_test->opened(9, 1);
  f.under_test->opened(5, 2);
  f.node.run();
  CHECK(f.commands.empty());
  f.node.pass(std::chrono::seconds(1));
  CHECK(views_of(f) == std::map<id_t, std::uint64_t>{{5, 3}, {9, 1}});
  f.commands.clear();
  f.node.pass(std::chrono::seconds(3));
  CHECK(f.commands.empty());
  f.under_test->opened(5, 1);
  f.node.run();
  f.node.pass(std::chrono::seconds(1));
  CHECK(views_of(f) == std::map<id_t, std::uint64_t>{{5, 1}});
}

TEST_CASE("views beyond the limit of posts and refused views are counted as shed", "[gateway]") {
  gateway_options options;
  options.views_posts_max = 2;
  fixture f(options);
  for (const id_t post : {1, 2, 3, 1}) f.under_test->opened(post, 1);
  f.node.run();
  CHECK(f.node->context().dead_letters.counts().at("view_shed") == 1);
  f.node.pass(std::chrono::seconds(1));
  CHECK(views_of(f) == std::map<id_t, std::uint64_t>{{1, 2}, {2, 1}});
  for (auto& message : f.commands) message.reply->answer(error_code::overloaded);
  CHECK(f.node->context().dead_letters.counts().at("view_shed") == 3);
}

TEST_CASE("a stop writes gathered views and answers everything", "[gateway]") {
  fixture f;
  const auto command = f.command();
  const auto question = f.query();
  const auto device = f.subscribe();
  const auto removed = f.remove_device();
  const auto key = f.push_key();
  f.under_test->opened(5, 4);
  f.node.run();
  auto kept = std::move(f.commands);
  f.commands.clear();
  auto in_mailbox = std::make_shared<std::vector<result<domain::erased_ptr>>>();
  f.under_test->command(0, {domain::aggregate_kind::post, 5, 0}, {}, domain::erase(1), fixture::into(in_mailbox));
  f.under_test->stop();
  f.node.run();
  f.run_posted();
  CHECK(views_of(f) == std::map<id_t, std::uint64_t>{{5, 4}});
  CHECK(command->at(0).error().code == error_code::outcome_unknown);
  CHECK(question->at(0).error().code == error_code::shutting_down);
  CHECK(device->at(0).error().code == error_code::outcome_unknown);
  CHECK(removed->at(0).error().code == error_code::outcome_unknown);
  CHECK(key->at(0).error().code == error_code::shutting_down);
  CHECK(in_mailbox->size() == 1);
  const auto late = f.command();
  CHECK(late->at(0).error().code == error_code::unavailable);
}

TEST_CASE("with threads a stop returns when nobody is on the way to the routes any more", "[gateway]") {
  runtime::node node({.threads = 2}, [] { return timestamp_t{0}; });
  std::atomic<int> routed{0};
  std::atomic<int> answered{0};
  constexpr int asks = 500;
  {
    auto alive = std::make_unique<std::atomic<int>*>(&routed);
    gateway_routes routes;
    routes.command = [&alive](protocol::command_message m) {
      ++**alive;  // gone after the stop
      m.reply->answer(error_code::overloaded);
    };
    gateway under_test(node, {}, std::move(routes), shard_t{4}, 2,
                       [](io_index, const std::function<void()>& task) { task(); });
    for (int i = 0; i < asks; ++i) {
      under_test.command(static_cast<io_index>(i % 2), {domain::aggregate_kind::post, 5, 0}, {}, domain::erase(1),
                         [&](const auto&) { ++answered; });
      under_test.opened(static_cast<id_t>(i), 1);
    }
    under_test.stop();
    alive.reset();
  }
  node.system().await_all_actors_done();
  CHECK(answered == asks);
  CHECK(routed > 0);
  CHECK(node.system().registry().running() == 0);
}

}  // namespace
}  // namespace social::http::test
