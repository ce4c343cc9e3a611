#include <set>
#include <string>
#include <vector>

#include "actors/base/base64.hpp"
#include "tests/unit/domain/world.hpp"

namespace social::domain::test {
using namespace social::domain::subscription;

namespace {

constexpr id_t anna = 1;
constexpr id_t bo = 2;

std::string endpoint_of(int number) {
  return "https://push.example.net/send/" + std::to_string(number);
}

subscribe device_of(int number, std::uint64_t row_version = 10) {
  subscribe c;
  c.endpoint = endpoint_of(number);
  c.p256dh = base64url_encode("\x04" + std::string(64, 'k'));
  c.auth = base64url_encode(std::string(16, 'a'));
  c.locale = "ko";
  c.vapid_key_id = "key1";
  c.row_version = row_version;
  return c;
}

remove_device removal_of(int number, std::uint64_t row_version = 0) {
  return {device_seq(endpoint_of(number)), row_version, endpoint_hash(endpoint_of(number))};
}

row_key endpoint_key(int number) {
  return {table::endpoint, 0, 0, endpoint_hash(endpoint_of(number))};
}

command_context context_of(id_t user) {
  command_context context;
  context.now = noon;
  context.self = user;
  context.caller = user;
  return context;
}

struct push_world : world {
  device_view subscribe_device(id_t user, const subscribe& c) {
    return std::get<device_view>(run<subscription_aggregate>(user, user, c).value());
  }
  bool remove(id_t user, const remove_device& c) {
    return std::get<removed_view>(run<subscription_aggregate>(user, 0, c).value()).removed;
  }
  void deliver(id_t user, int number, std::uint64_t row_version, bool accepted) {
    REQUIRE(
        run<subscription_aggregate>(user, 0, record_delivery{device_seq(endpoint_of(number)), row_version, accepted}));
  }
  state state_of(id_t user) { return load<subscription_aggregate>(user); }
  std::optional<endpoint_row> owner_of(int number) {
    const auto row = rows.find(endpoint_key(number));
    if (row == rows.end()) return std::nullopt;
    return decode_record<endpoint_row>(row->second).value();
  }
  bool has_devices(id_t user) { return rows.contains({table::subscriber_user, user, 0, {}}); }
  device_subscribed newest() {
    return std::get<device_subscribed>(
        decode_event<subscription_aggregate>(journal.back().type, journal.back().bytes).value());
  }
};

std::vector<std::string> violated(const subscribe& c) {
  const auto decided = subscription_aggregate::decide({}, found(std::nullopt), context_of(anna), c);
  REQUIRE_FALSE(decided);
  CHECK(decided.error().code == error_code::invalid_input);
  return fields_of(decided.error());
}

}  // namespace

TEST_CASE("a device's number is the beginning of its endpoint's hash", "[domain][subscription]") {
  // echo -n abc | sha256sum: ba7816bf8f01cfea...
  CHECK(device_seq("abc") == 0xBA7816BF8F01CULL);
  CHECK(device_seq("abc") < (std::uint64_t{1} << 52));
  CHECK(endpoint_hash("abc").size() == 32);
  CHECK(endpoint_hash("abc").substr(0, 2) == "\xBA\x78");
}

TEST_CASE("subscribing a device", "[domain][subscription]") {
  push_world w;
  const auto view = w.subscribe_device(anna, device_of(1));
  CHECK(view.seq == device_seq(endpoint_of(1)));
  CHECK(view.user_id == anna);
  CHECK(view.endpoint == endpoint_of(1));
  CHECK(view.locale == "ko");
  CHECK(view.created_at == w.now);
  const auto s = w.state_of(anna);
  REQUIRE(s.devices.size() == 1);
  CHECK(s.user == anna);
  CHECK(s.devices[0].p256dh == "\x04" + std::string(64, 'k'));
  CHECK(s.devices[0].auth == std::string(16, 'a'));
  CHECK(s.devices[0].vapid_key_id == "key1");
  CHECK(w.owner_of(1)->user == anna);
  CHECK(w.owner_of(1)->row_version == 10);
  CHECK(w.has_devices(anna));
  CHECK(w.newest().previous_user == 0);
}

TEST_CASE("what a browser hands over is judged, every field at once", "[domain][subscription]") {
  using names = std::vector<std::string>;
  const auto with = [](auto change) {
    auto c = device_of(1);
    change(c);
    return c;
  };
  CHECK(violated(with([](auto& c) { c.endpoint.clear(); })) == names{"notificationEndPoint"});
  CHECK(violated(with([](auto& c) { c.endpoint.resize(2049, 'x'); })) == names{"notificationEndPoint"});
  CHECK(violated(with([](auto& c) { c.endpoint_problem = "is not https"; })) == names{"notificationEndPoint"});
  CHECK(violated(with([](auto& c) { c.key_problem = "is not on the curve"; })) == names{"publicKey"});
  CHECK(violated(with([](auto& c) { c.p256dh = "!"; })) == names{"publicKey"});
  CHECK(violated(with([](auto& c) { c.p256dh.clear(); })) == names{"publicKey"});
  CHECK(violated(with([](auto& c) { c.p256dh = base64url_encode("\x04" + std::string(63, 'k')); })) ==
        names{"publicKey"});
  CHECK(violated(with([](auto& c) { c.p256dh = base64url_encode("\x03" + std::string(64, 'k')); })) ==
        names{"publicKey"});
  CHECK(violated(with([](auto& c) { c.auth = base64url_encode(std::string(15, 'a')); })) == names{"auth"});
  CHECK(violated(with([](auto& c) { c.auth = base64url_encode(std::string(17, 'a')); })) == names{"auth"});
  subscribe nothing;
  nothing.locale = "en";
  nothing.row_version = 1;
  CHECK(violated(nothing) == names{"notificationEndPoint", "publicKey", "auth"});
  CHECK(subscription_aggregate::decide({}, found(std::nullopt), context_of(anna),
                                       with([](auto& c) { c.endpoint.resize(2048, 'x'); })));
  const auto reason = subscription_aggregate::decide({}, found(std::nullopt), context_of(anna),
                                                     with([](auto& c) { c.endpoint_problem = "is not https"; }));
  CHECK(reason.error().fields[0].reason == "is not https");
}

TEST_CASE("what no shell would hand over is an error of ours", "[domain][subscription]") {
  const auto code = [](id_t self, id_t caller, std::uint64_t row_version, const std::string& locale) {
    auto c = device_of(1, row_version);
    c.locale = locale;
    auto context = context_of(self);
    context.caller = caller;
    const auto decided = subscription_aggregate::decide({}, found(std::nullopt), context, c);
    return decided ? std::nullopt : std::optional(decided.error().code);
  };
  CHECK(code(anna, anna, 1, "en") == std::nullopt);
  CHECK(code(anna, bo, 1, "en") == error_code::internal);
  CHECK(code(0, 0, 1, "en") == error_code::internal);
  CHECK(code(anna, anna, 0, "en") == error_code::internal);
  CHECK(code(anna, anna, 1, "fr") == error_code::internal);
}

TEST_CASE("subscribing again renews the device and keeps its age", "[domain][subscription]") {
  push_world w;
  const auto created = w.subscribe_device(anna, device_of(1)).created_at;
  w.deliver(anna, 1, 10, true);
  const auto success = w.now;
  w.deliver(anna, 1, 10, false);
  auto again = device_of(1, 11);
  again.auth = base64url_encode(std::string(16, 'b'));
  CHECK(w.subscribe_device(anna, again).created_at == created);
  const auto s = w.state_of(anna);
  REQUIRE(s.devices.size() == 1);
  CHECK(s.devices[0].row_version == 11);
  CHECK(s.devices[0].auth == std::string(16, 'b'));
  CHECK(s.devices[0].last_success_at == success);
  CHECK(s.devices[0].failures == 0);
  CHECK(w.owner_of(1)->row_version == 11);
  CHECK(w.newest().previous_user == 0);
}

TEST_CASE("an endpoint that moves to another person leaves the first", "[domain][subscription]") {
  push_world w;
  w.subscribe_device(anna, device_of(1, 10));
  w.subscribe_device(bo, device_of(1, 10));  // even with the same version
  CHECK(w.newest().previous_user == anna);
  CHECK(w.owner_of(1)->user == bo);
  // The push actor takes it from the first one: the row, which is the other's by now, stays.
  auto superseded = removal_of(1);
  superseded.why = removal::superseded;
  CHECK(w.remove(anna, superseded));
  CHECK(w.owner_of(1)->user == bo);
  CHECK(w.state_of(anna).devices.empty());
  CHECK_FALSE(w.has_devices(anna));
  CHECK(w.has_devices(bo));
}

TEST_CASE("a changed subscription replaces the caller's old endpoint only", "[domain][subscription]") {
  push_world w;
  const auto replacing = [](int number, int old, std::uint64_t row_version) {
    auto c = device_of(number, row_version);
    c.old_endpoint = endpoint_of(old);
    return c;
  };
  CHECK(keys_for<subscription_aggregate>(replacing(2, 1, 1), context_of(anna)) ==
        std::vector<row_key>{endpoint_key(2), endpoint_key(1)});
  CHECK(keys_for<subscription_aggregate>(device_of(2), context_of(anna)) == std::vector<row_key>{endpoint_key(2)});

  w.subscribe_device(anna, device_of(1));
  w.subscribe_device(bo, device_of(5));
  w.subscribe_device(anna, replacing(2, 1, 11));
  CHECK(w.state_of(anna).devices.size() == 1);
  CHECK(w.state_of(anna).devices[0].endpoint == endpoint_of(2));
  CHECK_FALSE(w.owner_of(1));
  CHECK(w.owner_of(2)->user == anna);

  w.subscribe_device(anna, replacing(3, 5, 12));  // somebody else's: ignored
  CHECK(w.owner_of(5)->user == bo);
  CHECK(w.state_of(bo).devices.size() == 1);
  CHECK(w.state_of(anna).devices.size() == 2);

  w.subscribe_device(anna, replacing(3, 3, 13));  // itself
  CHECK(w.owner_of(3)->row_version == 13);
  CHECK(w.newest().replaced.empty());
  CHECK(w.state_of(anna).devices.size() == 2);

  w.subscribe_device(bo, device_of(2, 21));       // moves while the first still lists it
  w.subscribe_device(anna, replacing(4, 2, 14));  // the device goes, the other's row stays
  CHECK(w.owner_of(2)->user == bo);
  CHECK(w.newest().replaced == std::vector<std::uint64_t>{device_seq(endpoint_of(2))});
  CHECK(w.newest().replaced_endpoints.empty());
}

TEST_CASE("beyond twenty devices the stalest leaves", "[domain][subscription]") {
  push_world w;
  for (int i = 0; i < 20; ++i) w.subscribe_device(anna, device_of(i));
  CHECK(w.state_of(anna).devices.size() == devices_per_user_max);
  w.subscribe_device(anna, device_of(7, 11));  // a renewal takes nobody's place
  CHECK(w.state_of(anna).devices.size() == devices_per_user_max);
  CHECK(w.newest().replaced.empty());

  w.deliver(anna, 0, 10, true);  // the oldest shows life
  w.subscribe_device(anna, device_of(20));
  CHECK(w.newest().replaced == std::vector<std::uint64_t>{device_seq(endpoint_of(1))});
  CHECK(w.state_of(anna).devices.size() == devices_per_user_max);

  auto changed = device_of(21);
  changed.old_endpoint = endpoint_of(3);  // makes room itself
  w.subscribe_device(anna, changed);
  CHECK(w.newest().replaced == std::vector<std::uint64_t>{device_seq(endpoint_of(3))});
  CHECK(w.state_of(anna).devices.size() == devices_per_user_max);
}

TEST_CASE("removing compares and deletes", "[domain][subscription]") {
  push_world w;
  CHECK_FALSE(w.remove(anna, removal_of(1)));
  w.subscribe_device(anna, device_of(1, 10));
  w.subscribe_device(anna, device_of(2, 20));
  const auto events = w.journal.size();
  CHECK_FALSE(w.remove(anna, removal_of(1, 9)));  // a late 410 of an older version
  CHECK_FALSE(w.remove(anna, removal_of(3)));
  CHECK_FALSE(w.remove(bo, removal_of(1)));
  CHECK(w.journal.size() == events);
  CHECK(w.state_of(anna).devices.size() == 2);

  CHECK(w.remove(anna, removal_of(1, 10)));
  CHECK_FALSE(w.owner_of(1));
  CHECK(w.has_devices(anna));
  CHECK_FALSE(w.remove(anna, removal_of(1, 10)));  // twice changes nothing

  auto without_hash = removal_of(2);
  without_hash.endpoint_hash.clear();
  CHECK(w.remove(anna, without_hash));
  CHECK(w.owner_of(2)->user == anna);  // nobody said which row: it stays, and names a device that is gone
  CHECK_FALSE(w.has_devices(anna));
  auto row_alone = removal_of(2, 20);
  row_alone.why = removal::withdrawn;
  CHECK_FALSE(w.remove(anna, row_alone));  // no device goes
  CHECK_FALSE(w.owner_of(2));
}

TEST_CASE("a hash of another endpoint takes no row away", "[domain][subscription]") {
  push_world w;
  w.subscribe_device(anna, device_of(1, 10));
  w.subscribe_device(anna, device_of(2, 10));
  auto wrong = removal_of(1);
  wrong.endpoint_hash = endpoint_hash(endpoint_of(2));
  CHECK(w.remove(anna, wrong));
  CHECK(w.owner_of(1)->user == anna);
  CHECK(w.owner_of(2)->user == anna);
}

TEST_CASE("deliveries are recorded for the version that they went to", "[domain][subscription]") {
  push_world w;
  w.subscribe_device(anna, device_of(1, 10));
  const auto only = [&] { return w.state_of(anna).devices.at(0); };
  const auto events = w.journal.size();
  w.deliver(anna, 1, 9, false);
  w.deliver(anna, 2, 10, false);
  w.deliver(bo, 1, 10, true);
  CHECK(w.journal.size() == events);
  w.deliver(anna, 1, 10, false);
  const auto first = w.now;
  w.deliver(anna, 1, 10, false);
  CHECK(only().failures == 2);
  CHECK(only().first_failure_at == first);
  CHECK_FALSE(only().last_success_at);
  w.deliver(anna, 1, 10, true);
  CHECK(only().failures == 0);
  CHECK_FALSE(only().first_failure_at);
  CHECK(only().last_success_at == w.now);
  w.deliver(anna, 1, 10, false);
  CHECK(only().first_failure_at == w.now);
}

TEST_CASE("what an operator sees of devices opens none of them", "[domain][subscription]") {
  push_world w;
  auto c = device_of(1);
  c.endpoint = "https://user:pass@push.example.net:8443/secret/path?token=x#y";
  w.subscribe_device(anna, c);
  const auto shown = subscription_aggregate::redacted(w.state_of(anna));
  CHECK(shown.find(R"("endpoint":"https://push.example.net:8443/...)") != std::string::npos);
  for (const auto* secret : {"secret", "path", "token", "user:", "pass", "kkk", "aaa", "row"}) {
    CAPTURE(secret, shown);
    CHECK(shown.find(secret) == std::string::npos);
  }
  CHECK(shown.find(R"({"user":1,"devices":[{"seq":)") == 0);
  CHECK(subscription_aggregate::redacted({}) == R"({"user":0,"devices":[]})");
}

}  // namespace social::domain::test
