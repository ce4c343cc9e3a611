// Devices of several push processes: what the common table says, what it is told.
#include <optional>
#include <string>
#include <vector>

#include "actors/base/base64.hpp"
#include "tests/unit/domain/world.hpp"

namespace social::domain::test {
using namespace social::domain::subscription;

namespace {

constexpr id_t anna = 1;
constexpr id_t bo = 2;
constexpr std::uint64_t first_topic = 1'000;   // `oldest_place` of the table as it is
constexpr std::uint64_t second_topic = 2'000;  // of one that was made, or read, anew

std::string endpoint_of(int number) {
  return "https://push.example.net/send/" + std::to_string(number);
}
std::string hash_of(int number) {
  return endpoint_hash(endpoint_of(number));
}

subscribe device_of(int number, std::uint64_t row_version) {
  subscribe c;
  c.endpoint = endpoint_of(number);
  c.p256dh = base64url_encode("\x04" + std::string(64, 'k'));
  c.auth = base64url_encode(std::string(16, 'a'));
  c.locale = "ko";
  c.vapid_key_id = "key1";
  c.row_version = row_version;
  return c;
}

replicate_device record_of(int number, std::uint64_t row_version, std::uint64_t place,
                           std::vector<std::uint64_t> replaces = {}) {
  replicate_device c;
  c.replicated.seq = device_seq(endpoint_of(number));
  c.replicated.row_version = row_version;
  c.replicated.endpoint = endpoint_of(number);
  c.replicated.p256dh = "\x04" + std::string(64, 'r');
  c.replicated.auth = std::string(16, 'r');
  c.replicated.vapid_key_id = "key1";
  c.replicated.locale = "en";
  c.replicated.created_at = noon;
  c.replaces = std::move(replaces);
  c.place = first_topic + place;
  c.oldest_place = first_topic;
  return c;
}

remove_device removal_of(int number, std::uint64_t row_version, removal why) {
  return {device_seq(endpoint_of(number)), row_version, hash_of(number), why};
}

using versions = std::vector<withdrawn_version>;

struct table_world : world {
  /// The events of one command.
  std::vector<event> give(id_t user, const command& c) {
    const auto before = journal.size();
    REQUIRE(run<subscription_aggregate>(user, user, c));
    std::vector<event> out;
    for (auto i = before; i < journal.size(); ++i)
      out.push_back(decode_event<subscription_aggregate>(journal[i].type, journal[i].bytes).value());
    return out;
  }
  template <class Event>
  Event only(id_t user, const command& c) {
    const auto events = give(user, c);
    REQUIRE(events.size() == 1);
    return std::get<Event>(events[0]);
  }
  bool nothing(id_t user, const command& c) { return give(user, c).empty(); }
  state state_of(id_t user) { return load<subscription_aggregate>(user); }
  std::optional<std::uint64_t> version_of(id_t user, int number) {
    for (const auto& d : state_of(user).devices)
      if (d.endpoint == endpoint_of(number)) return d.row_version;
    return std::nullopt;
  }
  std::optional<endpoint_row> row_of(int number) {
    const auto row = rows.find({table::endpoint, 0, 0, hash_of(number)});
    if (row == rows.end()) return std::nullopt;
    return decode_record<endpoint_row>(row->second).value();
  }
};

}  // namespace

TEST_CASE("a subscription says which versions it replaces, and that they are to be withdrawn",
          "[domain][subscription]") {
  table_world w;
  auto e = w.only<device_subscribed>(anna, device_of(1, 10));
  CHECK(e.withdrawn.empty());
  CHECK(e.replaces.empty());
  e = w.only<device_subscribed>(anna, device_of(1, 11));
  CHECK(e.withdrawn == versions{{hash_of(1), 10}});
  CHECK(e.replaces == std::vector<std::uint64_t>{10});
  e = w.only<device_subscribed>(bo, device_of(1, 12));
  CHECK(e.withdrawn == versions{{hash_of(1), 11}});
  for (std::uint64_t version = 13; version < 20; ++version) e = w.only<device_subscribed>(bo, device_of(1, version));
  CHECK(e.replaces == std::vector<std::uint64_t>{18, 17, 16, 15});
  CHECK(w.row_of(1)->replaces == e.replaces);
  CHECK_FALSE(w.row_of(1)->in_table);

  auto changed = device_of(2, 30);
  changed.old_endpoint = endpoint_of(1);
  e = w.only<device_subscribed>(bo, changed);
  CHECK(e.withdrawn == versions{{hash_of(1), 19}});
}

TEST_CASE("devices over the limit are withdrawn with their versions", "[domain][subscription]") {
  table_world w;
  for (int i = 0; i < 20; ++i) w.give(anna, device_of(i, 100 + static_cast<std::uint64_t>(i)));
  const auto e = w.only<device_subscribed>(anna, device_of(20, 200));
  CHECK(e.withdrawn == versions{{hash_of(0), 100}});
  CHECK(w.row_of(0)->user == anna);  // whose it is was not looked up; a reaction takes it away:
  CHECK_FALSE(w.nothing(anna, removal_of(0, 100, removal::withdrawn)));
  CHECK_FALSE(w.row_of(0));
}

TEST_CASE("a removal is told to the others once, by the one who decided it", "[domain][subscription]") {
  table_world w;
  w.give(anna, device_of(1, 10));
  CHECK(w.only<device_removed>(anna, removal_of(1, 10, removal::asked)).withdrawn == versions{{hash_of(1), 10}});

  w.give(anna, device_of(1, 11));
  CHECK(w.only<device_removed>(anna, removal_of(1, 11, removal::withdrawn)).withdrawn.empty());
  CHECK_FALSE(w.row_of(1));

  w.give(anna, device_of(1, 12));
  w.give(bo, device_of(1, 13));  // has withdrawn the twelfth
  CHECK(w.only<device_removed>(anna, removal_of(1, 12, removal::asked)).withdrawn.empty());

  w.give(anna, device_of(2, 20));
  remove_device by_number{device_seq(endpoint_of(2)), 0, {}};
  CHECK(w.only<device_removed>(anna, by_number).withdrawn == versions{{hash_of(2), 20}});
}

TEST_CASE("a removal for somebody else's sake leaves a device that has come back", "[domain][subscription]") {
  table_world w;
  w.give(anna, device_of(1, 10));
  CHECK(w.nothing(anna, removal_of(1, 10, removal::superseded)));
  CHECK(w.version_of(anna, 1) == 10);
  w.give(bo, device_of(1, 11));
  CHECK_FALSE(w.nothing(anna, removal_of(1, 10, removal::superseded)));
  CHECK(w.row_of(1)->user == bo);
}

TEST_CASE("a record of the table becomes a device", "[domain][subscription]") {
  table_world w;
  const auto e = w.only<device_replicated>(anna, record_of(1, 10, 5, {9, 8}));
  CHECK(e.previous_user == 0);
  CHECK(e.withdrawn.empty());
  CHECK(w.version_of(anna, 1) == 10);
  const auto row = w.row_of(1).value();
  CHECK(row.user == anna);
  CHECK(row.row_version == 10);
  CHECK(row.place == first_topic + 5);
  CHECK(row.in_table);
  CHECK(row.replaces == std::vector<std::uint64_t>{9, 8});
  CHECK(w.rows.contains({table::subscriber_user, anna, 0, {}}));
  CHECK(w.nothing(anna, record_of(1, 10, 5)));  // again
  CHECK(w.nothing(anna, record_of(1, 10, 6)));  // sent twice
  CHECK(w.nothing(anna, record_of(1, 7, 4)));   // from before, after a crash
  CHECK(w.version_of(anna, 1) == 10);
}

TEST_CASE("the newest record of an endpoint is its row", "[domain][subscription]") {
  table_world w;
  w.give(anna, record_of(1, 10, 5));
  auto e = w.only<device_replicated>(bo, record_of(1, 11, 6, {10}));
  CHECK(e.previous_user == anna);
  CHECK(e.withdrawn.empty());  // whoever decided it knew, and withdraws
  CHECK(w.row_of(1)->user == bo);
  e = w.only<device_replicated>(anna, record_of(1, 12, 7, {10}));
  CHECK(e.previous_user == bo);
  CHECK(e.withdrawn == versions{{hash_of(1), 11}});  // nobody knew
  CHECK(w.row_of(1)->user == anna);
}

TEST_CASE("what was decided here gives way to an earlier record and comes back with its own",
          "[domain][subscription]") {
  table_world w;
  w.give(anna, record_of(1, 10, 5));
  w.give(anna, device_of(1, 11));
  auto e = w.only<device_replicated>(bo, record_of(1, 12, 6, {10}));  // decided elsewhere at the same time
  CHECK(e.previous_user == anna);
  CHECK(e.withdrawn.empty());  // the eleventh is not in the table yet: it is newer than this
  CHECK(w.row_of(1)->row_version == 12);
  e = w.only<device_replicated>(anna, record_of(1, 11, 7, {10}));
  CHECK(e.previous_user == bo);
  CHECK(e.withdrawn == versions{{hash_of(1), 12}});
  CHECK(w.row_of(1)->row_version == 11);
  CHECK(w.row_of(1)->in_table);
}

TEST_CASE("one's own record, back from the table, changes nothing but what is known of it", "[domain][subscription]") {
  table_world w;
  w.give(anna, device_of(1, 10));
  w.give(anna, record_delivery{device_seq(endpoint_of(1)), 10, true});
  w.give(anna, record_delivery{device_seq(endpoint_of(1)), 10, false});
  const auto before = w.state_of(anna).devices.at(0);
  auto own = record_of(1, 10, 5);
  own.replicated.p256dh = before.p256dh;
  own.replicated.auth = before.auth;
  own.replicated.locale = before.locale;
  own.replicated.created_at = before.created_at;
  const auto e = w.only<device_replicated>(anna, own);
  CHECK(e.previous_user == 0);
  CHECK(e.withdrawn.empty());
  CHECK(w.state_of(anna).devices.at(0) == before);
  CHECK(w.row_of(1)->in_table);
  w.give(anna, record_of(1, 11, 6, {10}));  // a new version: failures belong to the keys
  CHECK(w.state_of(anna).devices.at(0).failures == 0);
  CHECK(w.state_of(anna).devices.at(0).last_success_at == before.last_success_at);
}

TEST_CASE("a version that had been replaced does not come back", "[domain][subscription]") {
  table_world w;
  w.give(anna, record_of(1, 10, 5));
  w.give(bo, record_of(1, 11, 6, {10}));
  // Whoever published the tenth crashed, and sends it once more.
  CHECK(w.only<version_withdrawn>(anna, record_of(1, 10, 8)).withdrawn == versions{{hash_of(1), 10}});
  CHECK(w.row_of(1)->row_version == 11);
  w.give(anna, device_of(1, 12));  // on its way
  CHECK(w.only<version_withdrawn>(bo, record_of(1, 11, 9, {10})).withdrawn == versions{{hash_of(1), 11}});
  CHECK(w.row_of(1)->row_version == 12);
}

TEST_CASE("a table that is read anew withdraws nothing", "[domain][subscription]") {
  const auto anew = [](replicate_device c) {
    c.place += second_topic - first_topic;
    c.oldest_place = second_topic;
    return c;
  };
  table_world w;
  w.give(anna, record_of(1, 10, 5));
  w.give(anna, record_of(1, 11, 6, {}));
  w.give(bo, record_of(1, 12, 7, {11}));
  CHECK(w.only<device_replicated>(anna, anew(record_of(1, 10, 1))).withdrawn.empty());
  CHECK(w.only<device_replicated>(anna, anew(record_of(1, 11, 2))).withdrawn == versions{{hash_of(1), 10}});
  CHECK(w.only<device_replicated>(bo, anew(record_of(1, 12, 3, {11}))).withdrawn.empty());
  CHECK(w.row_of(1)->place == second_topic + 3);

  w.give(anna, record_of(2, 20, 8));
  w.give(anna, record_of(2, 21, 9, {20}));
  CHECK(w.nothing(anna, anew(record_of(2, 20, 4))));
  CHECK(w.row_of(2)->row_version == 21);
  // The same version counts as read once more.
  CHECK_FALSE(w.nothing(anna, anew(record_of(2, 21, 5, {20}))));
  CHECK(w.row_of(2)->place == second_topic + 5);
}

TEST_CASE("what the table does not have is announced", "[domain][subscription]") {
  table_world w;
  const auto announce = [](int number, std::uint64_t row_version, std::uint64_t oldest_place) {
    return announce_device{device_seq(endpoint_of(number)), row_version, hash_of(number), oldest_place};
  };
  w.give(anna, device_of(1, 10));
  const auto before = w.state_of(anna).devices;
  const auto e = w.only<device_subscribed>(anna, announce(1, 10, first_topic));
  CHECK(e.subscribed == before.at(0));
  CHECK(e.withdrawn.empty());
  CHECK(w.state_of(anna).devices == before);
  CHECK(w.nothing(anna, announce(1, 9, first_topic)));
  CHECK(w.nothing(bo, announce(1, 10, first_topic)));
  w.give(anna, record_of(1, 10, 5));
  CHECK(w.nothing(anna, announce(1, 10, first_topic)));
  CHECK_FALSE(w.nothing(anna, announce(1, 10, second_topic)));
  w.give(bo, device_of(1, 11));
  CHECK(w.nothing(anna, announce(1, 10, second_topic)));  // another's by now
}

TEST_CASE("processes that subscribe at once may exceed the limit, up to another", "[domain][subscription]") {
  table_world w;
  for (int i = 0; i < 40; ++i) {
    const auto e = w.only<device_replicated>(
        anna, record_of(i, 100 + static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(i) + 1));
    CHECK(e.replaced.empty());
  }
  const auto over = w.only<device_replicated>(anna, record_of(40, 200, 50));
  CHECK(over.withdrawn == versions{{hash_of(0), 100}});
  CHECK(w.state_of(anna).devices.size() == replicated_devices_per_user_max);
  const auto here = w.only<device_subscribed>(anna, device_of(41, 300));
  CHECK(here.replaced.size() == 21);
  CHECK(w.state_of(anna).devices.size() == devices_per_user_max);
}

TEST_CASE("a record that no shell would hand over is an error of ours", "[domain][subscription]") {
  const auto code = [](id_t self, replicate_device c) {
    command_context context;
    context.self = self;
    const auto decided = subscription_aggregate::decide({}, found(std::nullopt), context, c);
    return decided ? std::nullopt : std::optional(decided.error().code);
  };
  CHECK(code(anna, record_of(1, 10, 5)) == std::nullopt);
  CHECK(code(0, record_of(1, 10, 5)) == error_code::internal);
  CHECK(code(anna, record_of(1, 0, 5)) == error_code::internal);
  auto wrong = record_of(1, 10, 5);
  wrong.replicated.seq += 1;
  CHECK(code(anna, wrong) == error_code::internal);
  wrong = record_of(1, 10, 5);
  wrong.place = 0;
  CHECK(code(anna, wrong) == error_code::internal);
}

TEST_CASE("a hash says which device it is", "[domain][subscription]") {
  CHECK(device_seq_of_hash(hash_of(1)) == device_seq(endpoint_of(1)));
  CHECK(device_seq_of_hash("short") == 0);
}

}  // namespace social::domain::test
