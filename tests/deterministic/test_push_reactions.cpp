// What follows from a device that moved: over kills at every point, and when it cannot be done.
#include "tests/deterministic/push_fixture.hpp"

namespace social::push {
namespace {

using domain::subscription::endpoint_row;
using domain::subscription::remove_device;
using test::push_fixture;

const std::string endpoint = "https://push.example.net/a";

class reactions_fixture : public push_fixture {
 public:
  /// As `subscribe`, but what is to be committed waits.
  void subscribe_and_wait(id_t user, const std::string& to) {
    protocol::subscribe_request request{user, to, browser.public_key, browser.auth, "", "ko", ""};
    role->subscribe(std::move(request), {}, [](const auto& got) { REQUIRE(got); });
    run_without_commits();
  }
  /// Without a role: what another process of the same store would have done.
  void subscribe_at_once(id_t user, const std::string& to) {
    domain::subscription::subscribe command;
    command.endpoint = to;
    command.p256dh = browser.public_key;
    command.auth = browser.auth;
    command.locale = "ko";
    command.row_version = ++versions;
    command.vapid_key_id = key_id;
    protocol::command_message message;
    message.kind = domain::aggregate_kind::subscription;
    message.target = user;
    message.shard = shard_of(user, disk->shards());
    message.context.self = user;
    message.context.caller = user;
    message.command = domain::erase<domain::subscription::command>(std::move(command));
    message.reply = std::make_shared<protocol::command_slot::element_type>(
        [](const protocol::command_result& outcome) { REQUIRE(outcome); });
    test::direct_subscriptions(*disk, clock).command(message);
  }
  [[nodiscard]] std::size_t removals(id_t user) const { return subscriptions->given_of<remove_device>(user).size(); }

  /// The device is `owner`'s in every row, and nobody else's in any; pushes go to its owner alone.
  void check_owner(id_t owner, id_t other) {
    const auto theirs = devices(owner);
    REQUIRE(theirs.size() == 1);
    CHECK(devices(other).empty());
    const auto row = disk->row<endpoint_row>(endpoint_key(endpoint));
    REQUIRE(row);
    CHECK(row->user == owner);
    CHECK(row->row_version == theirs.front().row_version);
    CHECK(disk->table_rows(domain::table::endpoint).size() == 1);
    comment(7, other);
    CHECK(transport->sent_to(endpoint) == 0);
    comment(7, owner);
    CHECK(transport->sent_to(endpoint) == 1);
  }

  test::browser_keys browser;
  std::string key_id;
  std::uint64_t versions = 1'000'000;
};

constexpr id_t old_owner = 4;
constexpr id_t new_owner = 8;

}  // namespace

TEST_CASE_METHOD(reactions_fixture, "a device that moved has one owner, wherever a kill or a power cut comes in") {
  // Of what follows from the move: the device leaves its old owner; the cursor moves.
  const auto committed = GENERATE(0, 1, 2);
  const auto is_power_cut = GENERATE(false, true);
  const auto moves_back = GENERATE(false, true);
  CAPTURE(committed, is_power_cut, moves_back);
  start();
  key_id = role->current_key()->key_id;
  subscribe(old_owner, endpoint);
  disk->hold_commits(true);
  subscribe_and_wait(new_owner, endpoint);
  REQUIRE(disk->commit_next());  // the move itself
  run_without_commits();
  REQUIRE(removals(old_owner) == 1);  // decided, and not done
  for (int i = 0; i < committed; ++i) {
    REQUIRE(disk->commit_next());
    run_without_commits();
  }
  CHECK(devices(old_owner).size() == (committed == 0 ? 1 : 0));
  CHECK(disk->row<reaction_cursor_row>(reaction_cursor_key(0)).has_value() == (committed == 2));

  auto left = is_power_cut ? disk->power_cut() : disk->crash();
  crash(std::move(left), [&] {
    if (moves_back) subscribe_at_once(old_owner, endpoint);
  });
  const auto owner = moves_back ? old_owner : new_owner;
  const auto other = moves_back ? new_owner : old_owner;
  CHECK(removals(old_owner) == (moves_back || committed > 0 ? 0 : 1));  // what was done is not done again
  CHECK(removals(new_owner) == (moves_back ? 1 : 0));
  check_owner(owner, other);

  crash(disk->crash());
  CHECK(removals(owner) + removals(other) == 0);
  check_owner(owner, other);
}

TEST_CASE_METHOD(reactions_fixture,
                 "a reaction that always fails holds up no other shard, and is tried ever more rarely") {
  start();
  subscribe(old_owner, endpoint);
  subscriptions->failing_of = old_owner;
  subscribe(new_owner, endpoint);  // both in shard 0
  CHECK(removals(old_owner) == 1);
  for (const id_t shard : {1, 2, 3}) {
    const auto other = endpoint + std::to_string(shard);
    subscribe(old_owner + shard, other);
    subscribe(new_owner + shard, other);
    CHECK(devices(old_owner + shard).empty());
    CHECK(devices(new_owner + shard).size() == 1);
  }
  CHECK(removals(old_owner) == 1);
  pass(options.store_retry_ms);
  CHECK(removals(old_owner) == 2);
  pass(options.store_retry_ms);
  CHECK(removals(old_owner) == 2);
  pass(options.store_retry_ms);
  CHECK(removals(old_owner) == 3);
  for (int minute = 0; minute < 20; ++minute) pass(options.reaction_retry_max_ms);
  CHECK(removals(old_owner) <= 24);
  CHECK(devices(old_owner).size() == 1);

  subscriptions->failing_of = 0;
  pass(options.reaction_retry_max_ms);
  CHECK(devices(old_owner).empty());
  subscribe(old_owner, endpoint);  // and its shard goes on at once
  CHECK(devices(new_owner).empty());
}

}  // namespace social::push
