// The bytes of the table of subscriptions, both ways.
#include "actors/base/base64.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/kafka/push/table_record.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka::test {
namespace {

using namespace domain::subscription;

const std::string endpoint = "https://push.example.net/send/\"1\"";

device phone() {
  device d;
  d.endpoint = endpoint;
  d.seq = device_seq(endpoint);
  d.row_version = 0xFFFFFFFFFFFFFFFF;
  d.p256dh = "\x04" + std::string(64, 'k');
  d.auth = std::string(16, 'a');
  d.vapid_key_id = "key1";
  d.locale = "ko";
  d.created_at = 1'700'000'000'123;
  return d;
}

publications published(const event& e) {
  ports::journal_record from;
  from.shard = 3;
  from.first_sequence = 7;
  from.events.push_back(domain::encode_event<domain::subscription_aggregate>(64, e));
  publications out;
  REQUIRE(publish_subscriptions("/social-server/abc")(from, out));
  return out;
}

record good() {
  return published(device_subscribed{64, phone(), 0, {}, {}, {}, {9, 8}, 0}).at(0).what;
}

std::string golden_value() {
  return R"({"userId":64,"version":"18446744073709551615","endpoint":"https://push.example.net/send/\"1\"",)"
         R"("keys":{"p256dh":")" +
         base64url_encode(phone().p256dh) + R"(","auth":"YWFhYWFhYWFhYWFhYWFhYQ"},"locale":"ko","vapidKeyId":"key1",)" +
         R"("createAt":"2023-11-14T22:13:20.123Z","replaces":["9","8"]})";
}

/// With one piece of the value replaced.
result<table_change> read_with(const std::string& piece, const std::string& by) {
  auto r = good();
  const auto at = r.value->find(piece);
  REQUIRE(at != std::string::npos);
  r.value->replace(at, piece.size(), by);
  return read_table_record(r);
}

}  // namespace

TEST_CASE("a device that was subscribed becomes its record and withdrawals behind it", "[kafka][table]") {
  const auto out = published(device_subscribed{
      64, phone(), 7, {1}, {"x"}, {{endpoint_hash(endpoint), 9}, {std::string(32, '\xAB'), 5}}, {9, 8}, 300});
  REQUIRE(out.size() == 3);
  for (const auto& each : out) {
    CHECK(each.sequence == 7);
    CHECK(each.what.topic == "v1.push.subscription");
    CHECK(each.what.partition == -1);
    CHECK(*each.what.find("ce_source") == "/social-server/abc");
  }
  CHECK(out[0].what.key == table_key(endpoint_hash(endpoint), 0xFFFFFFFFFFFFFFFF));
  CHECK(out[0].what.value == golden_value());
  CHECK(*out[0].what.find("content-type") == "application/json");
  CHECK(out[1].what.key == table_key(endpoint_hash(endpoint), 9));
  CHECK_FALSE(out[1].what.value);
  CHECK(out[2].what.key == "abababababababababababababababababababababababababababababababab/5");
  CHECK_FALSE(out[2].what.value);
}

TEST_CASE("other events become their withdrawals; what came from the table is not said again", "[kafka][table]") {
  const std::vector<withdrawn_version> one{{std::string(32, 'h'), 5}};
  for (const event& e :
       std::initializer_list<event>{device_removed{64, 7, false, "", one},
                                    device_replicated{64, phone(), 7, {}, one, {}, 4}, version_withdrawn{64, one}}) {
    const auto out = published(e);
    REQUIRE(out.size() == 1);
    CHECK_FALSE(out[0].what.value);
    CHECK(out[0].what.key == table_key(std::string(32, 'h'), 5));
  }
  CHECK(published(delivery_recorded{64, 7, true, 1}).empty());
  CHECK(published(device_replicated{64, phone(), 0, {}, {}, {}, 4}).empty());
}

TEST_CASE("events from before the table become nothing, damaged ones are reported", "[kafka][table]") {
  ports::journal_record from;
  from.shard = 3;
  from.first_sequence = 7;
  auto removed = domain::encode_event<domain::subscription_aggregate>(64, device_removed{64, 7, true, "hash", {}});
  removed.bytes = std::string("\x01\x40\x07\x01\x04", 5) + "hash";
  from.events.push_back(removed);
  removed.bytes = "\x02\x40";
  from.events.push_back(removed);
  from.events.push_back({domain::aggregate_kind::user, 64, 1, "\x01"});
  from.events.push_back(
      domain::encode_event<domain::subscription_aggregate>(64, version_withdrawn{64, {{std::string(32, 'h'), 5}}}));
  publications out;
  const auto done = publish_subscriptions("s")(from, out);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == error_code::corrupt_record);
  CHECK(done.error().message.find("3-8") != std::string::npos);
  REQUIRE(out.size() == 1);
  CHECK(out[0].sequence == 10);
}

TEST_CASE("a record is read back as it was", "[kafka][table]") {
  const auto change = read_table_record(good()).value();
  CHECK(change.endpoint_hash == endpoint_hash(endpoint));
  CHECK(change.row_version == 0xFFFFFFFFFFFFFFFF);
  REQUIRE(change.device);
  CHECK(change.device->user == 64);
  CHECK(change.device->device == phone());
  CHECK(change.device->replaces == std::vector<std::uint64_t>{9, 8});

  auto tombstone = good();
  tombstone.value.reset();
  const auto gone = read_table_record(tombstone).value();
  CHECK(gone.row_version == 0xFFFFFFFFFFFFFFFF);
  CHECK_FALSE(gone.device);

  CHECK(read_with(R"("locale":"ko")", R"("locale":"fr","wishes":{"mute":true})").value().device->device.locale == "en");
  CHECK(read_with(R"(["9","8"])", R"(["1","2","3","4","5",6,"x"])").value().device->replaces.size() == replaces_max);
}

TEST_CASE("a record that would do harm is not taken", "[kafka][table]") {
  auto r = good();
  const auto version = "/18446744073709551615";
  const auto hash = r.key->substr(0, 64);
  for (const auto& key : std::initializer_list<std::optional<std::string>>{
           std::nullopt, "", "/", hash, hash + "/", hash + "/0", hash + "/-1", hash + "/1x",
           hash + "/18446744073709551616", hash.substr(1) + version, "g" + hash.substr(1) + version,
           hash + "0" + version}) {
    CAPTURE(key.value_or("(null)"));
    r.key = key;
    CHECK_FALSE(read_table_record(r));
  }
  CHECK_FALSE(read_with("\"userId\":64", "\"userId\":0"));
  CHECK_FALSE(read_with("\"userId\":64", "\"userId\":9007199254740992"));
  CHECK_FALSE(read_with("\"userId\":64", "\"userId\":\"64\""));
  CHECK_FALSE(read_with("example.net", "example.org"));  // not the endpoint of the key
  CHECK_FALSE(read_with("\"version\":\"1", "\"version\":\"2"));
  CHECK_FALSE(read_with("\"auth\":\"Y", "\"auth\":\"YYY"));
  CHECK_FALSE(read_with("\"p256dh\":\"BG", "\"p256dh\":\"AG"));
  CHECK_FALSE(read_with("\"keys\":{", "\"key\":{"));
  CHECK_FALSE(read_with("2023-11-14T", "2023-11-34T"));
  CHECK_FALSE(read_with("key1", std::string(200, 'k')));
  r = good();
  r.value = "{";
  CHECK(read_table_record(r).error().code == error_code::malformed_json);

  // What is said of it holds no secret.
  const auto refused = read_with("example.net", "example.org");
  CHECK(refused.error().message.find("example") == std::string::npos);
}

}  // namespace social::kafka::test
