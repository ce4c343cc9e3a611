#include "actors/push/reactions.hpp"
#include "actors/push/rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/push_world.hpp"

namespace social::push {
namespace {

using namespace domain::subscription;
using domain::table;

const std::string endpoint = "https://push.example.net/a";

struct fixture {
  test::hand_clock clock;
  test::memory_store disk{1};
  test::direct_subscriptions subscriptions{disk, clock};
  test::browser_keys browser;
  std::uint64_t followed = 0;

  void give(id_t user, domain::subscription::command what) {
    protocol::command_message message;
    message.kind = domain::aggregate_kind::subscription;
    message.target = user;
    message.context.self = user;
    message.context.caller = user;
    message.command = domain::erase(std::move(what));
    message.reply = std::make_shared<protocol::command_slot::element_type>(
        [](const protocol::command_result& outcome) { REQUIRE(outcome); });
    subscriptions.command(message);
    clock.advance(1);
  }
  void subscribe_device(id_t user, std::string to, std::uint64_t version) {
    subscribe c;
    c.endpoint = std::move(to);
    c.p256dh = browser.public_key;
    c.auth = browser.auth;
    c.locale = "ko";
    c.row_version = version;
    give(user, c);
  }
  static replicate_device record(std::string of, std::uint64_t version, std::uint64_t place) {
    replicate_device c;
    c.replicated.endpoint = std::move(of);
    c.replicated.seq = device_seq(c.replicated.endpoint);
    c.replicated.row_version = version;
    c.place = place;
    return c;
  }
  /// What follows from the journal since the last call, carried out. Returns the commands.
  std::vector<reaction_command> react() {
    auto found = read_reactions(disk.ports(), 0, followed, 100).value();
    followed = found.read_up_to;
    for (const auto& c : found.commands) give(c.user, c.command);
    return found.commands;
  }
  std::size_t devices(id_t user) {
    const auto found = disk.row<state>(subscription_key(user));
    return found ? found->devices.size() : 0;
  }
  std::optional<id_t> owner(const std::string& of) {
    const auto row = disk.row<endpoint_row>(endpoint_key(of));
    return row ? std::optional(row->user) : std::nullopt;
  }
};

}  // namespace

TEST_CASE_METHOD(fixture, "a device that moved leaves the one it was taken from, whoever says that it moved") {
  subscribe_device(1, endpoint, 10);
  subscribe_device(2, endpoint, 11);
  CHECK(react().size() == 1);
  CHECK(devices(1) == 0);
  CHECK(devices(2) == 1);
  give(3, record(endpoint, 12, 1));  // the common table
  CHECK(react().size() == 1);
  CHECK(devices(2) == 0);
  CHECK(devices(3) == 1);
  CHECK(owner(endpoint) == 3);
  CHECK(react().empty());  // a removal of a device that moved is the end of it
}

TEST_CASE_METHOD(fixture, "a device that has come back stays, though the reaction was on its way") {
  subscribe_device(1, endpoint, 10);
  give(2, record(endpoint, 11, 1));  // elsewhere, at the same time
  const auto late = read_reactions(disk.ports(), 0, 0, 100).value();
  REQUIRE(late.commands.size() == 1);
  give(1, record(endpoint, 10, 2));  // the first one's own record is the newer one
  for (const auto& c : late.commands) give(c.user, c.command);
  CHECK(devices(1) == 1);
  CHECK(owner(endpoint) == 1);
}

TEST_CASE_METHOD(fixture, "a device over the limit takes its endpoint row along") {
  for (int i = 0; i < 21; ++i) subscribe_device(1, endpoint + std::to_string(i), 10 + static_cast<std::uint64_t>(i));
  CHECK(devices(1) == devices_per_user_max);
  CHECK(owner(endpoint + "0") == 1);
  react();
  CHECK(owner(endpoint + "0") == std::nullopt);
  CHECK(disk.table_rows(table::endpoint).size() == devices_per_user_max);
  CHECK(react().empty());
}

TEST_CASE_METHOD(fixture, "the row of a device over the limit stays when it is somebody else's by then") {
  for (int i = 0; i < 21; ++i) subscribe_device(1, endpoint + std::to_string(i), 10 + static_cast<std::uint64_t>(i));
  subscribe_device(2, endpoint + "0", 50);
  react();
  CHECK(owner(endpoint + "0") == 2);
  CHECK(devices(2) == 1);
}

TEST_CASE_METHOD(fixture, "a device that was removed by its number takes its endpoint row along") {
  subscribe_device(1, endpoint, 10);
  give(1, remove_device{device_seq(endpoint), 0, ""});
  CHECK(owner(endpoint) == 1);
  CHECK(react().size() == 1);
  CHECK(owner(endpoint) == std::nullopt);
  CHECK(react().empty());
}

}  // namespace social::push
