// What people ask of their own devices.
#include "actors/push/own_devices.hpp"
#include "tests/deterministic/push_fixture.hpp"

namespace social::push {
namespace {

using test::push_fixture;

const std::string endpoint = "https://push.example.net/a";

class devices_fixture : public push_fixture {
 public:
  void ask_to_remove(id_t user, std::uint64_t device) {
    domain::command_context context;
    context.trace = "00-trace";
    role->remove_device({user, device}, context, [this](const auto& got) { answers.push_back(got); });
  }
  result<protocol::device_removed> remove(id_t user, std::uint64_t device) {
    answers.clear();
    ask_to_remove(user, device);
    run();
    REQUIRE(answers.size() == 1);
    return answers.front();
  }
  error_code refusal(id_t user, std::uint64_t device) {
    const auto outcome = remove(user, device);
    return outcome ? error_code{} : outcome.error().code;
  }
  bool owned(const std::string& by_endpoint) const {
    return memory_store_has(disk->crash(), endpoint_key(by_endpoint));
  }

  std::vector<result<protocol::device_removed>> answers;
};

}  // namespace

TEST_CASE_METHOD(devices_fixture, "a removed device is gone with its endpoint row, its log and its pushes") {
  start();
  const auto device = subscribe(66, endpoint)->value();
  const auto other = subscribe(66, endpoint + "/other")->value();
  comment(7, 66);
  REQUIRE(log().size() == 2);
  REQUIRE(owned(endpoint));
  CHECK(remove(66, device.seq).has_value());
  REQUIRE(devices(66).size() == 1);
  CHECK(devices(66).front().seq == other.seq);
  CHECK_FALSE(owned(endpoint));
  CHECK(log().size() == 1);
  comment(7, 66);
  CHECK(transport->sent_to(endpoint) == 1);
  CHECK(transport->sent_to(endpoint + "/other") == 2);
  const auto given = subscriptions->given_of<domain::subscription::remove_device>(66);
  REQUIRE(given.size() == 1);
  CHECK(given.front().row_version == 0);

  // Twice is not found, and a new subscription of the same browser is a device again.
  CHECK(refusal(66, device.seq) == error_code::subscription_not_found);
  CHECK(subscribe(66, endpoint)->value().seq == device.seq);
  CHECK(owned(endpoint));
}

TEST_CASE_METHOD(devices_fixture, "nobody removes somebody else's device") {
  start();
  const auto device = subscribe(66, endpoint)->value();
  CHECK(refusal(67, device.seq) == error_code::subscription_not_found);
  CHECK(refusal(66, device.seq + 1) == error_code::subscription_not_found);
  CHECK(devices(66).size() == 1);
  CHECK(owned(endpoint));
}

TEST_CASE_METHOD(devices_fixture, "an endpoint that is another person's by now stays theirs") {
  start();
  const auto device = subscribe(66, endpoint)->value();
  // As it is between the other person's subscribing and the reaction that takes the device away here.
  domain::subscription::endpoint_row theirs;
  theirs.user = 67;
  theirs.row_version = 4711;
  disk->put(endpoint_key(endpoint), theirs);
  CHECK(remove(66, device.seq).has_value());
  CHECK(devices(66).empty());
  CHECK(owned(endpoint));
}

TEST_CASE_METHOD(devices_fixture, "a device that went between the look and the command is not found") {
  start();
  const auto device = subscribe(66, endpoint)->value();
  environment env;
  env.store = disk->ports();
  env.clock = &clock;
  protocol::command_message given;
  env.command = [&](protocol::command_message m) { given = std::move(m); };
  std::optional<result<protocol::device_removed>> answer;
  remove_device_of(
      env, {{66, device.seq}, {}, std::make_shared<reply_slot<protocol::device_removed>>([&](const auto& outcome) {
              answer = outcome;
            })});
  REQUIRE(given.reply);
  CHECK(given.target == 66);
  CHECK(given.context.caller == 66);
  CHECK(given.context.now == clock.now());
  CHECK_FALSE(answer);
  using reply = domain::subscription::reply;
  given.reply->answer(domain::erase<reply>(domain::subscription::removed_view{false}));
  CHECK(answer->error().code == error_code::subscription_not_found);
}

TEST_CASE_METHOD(devices_fixture,
                 "under a key the command is asked even when the device is gone, and a replay is told") {
  start();
  environment env;
  env.store = disk->ports();
  env.clock = &clock;
  protocol::command_message given;
  env.command = [&](protocol::command_message m) { given = std::move(m); };
  domain::command_context once;
  once.idempotency = {"k", "", "f"};
  std::optional<result<protocol::device_removed>> answer;
  remove_device_of(env,
                   {{66, 7}, once, std::make_shared<reply_slot<protocol::device_removed>>([&](const auto& outcome) {
                      answer = outcome;
                    })});
  REQUIRE(given.reply);
  CHECK(given.context.idempotency.key == "k");
  using reply = domain::subscription::reply;
  given.reply->answer(domain::erase_replayed<reply>(domain::subscription::removed_view{true}));
  REQUIRE(answer);
  CHECK(answer->value().replayed);
}

TEST_CASE_METHOD(devices_fixture, "a device that cannot be looked up or removed is told so") {
  start();
  const auto device = subscribe(66, endpoint)->value();
  disk->fail_reads(error{error_code::io_error});
  CHECK(refusal(66, device.seq) == error_code::io_error);
  disk->fail_reads({});
  subscriptions->failing = true;
  CHECK(refusal(66, device.seq) == error_code::overloaded);
  subscriptions->failing = false;
  CHECK(devices(66).size() == 1);
  CHECK(remove(66, device.seq).has_value());
}

TEST_CASE_METHOD(devices_fixture, "a role that stops removes nothing and says so") {
  start();
  const auto device = subscribe(66, endpoint)->value();
  ask_to_remove(66, device.seq);  // lies in the mailbox, in front of the end
  role->begin_stop();
  ask_to_remove(66, device.seq);
  run();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].error().code == error_code::shutting_down);  // the one that came later is refused first
  CHECK(answers[1].has_value());
  CHECK(devices(66).empty());
}

}  // namespace social::push
