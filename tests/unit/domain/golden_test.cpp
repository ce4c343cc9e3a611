// The bytes of every record that reaches the disk. A change that breaks one of these lines breaks the stores that
// exist: append the field to the outermost struct, raise its version, and add a line; an old line stays and must still
// decode.

#include <string>
#include <string_view>

#include "actors/domain/idempotency.hpp"
#include "tests/unit/domain/world.hpp"

namespace social::domain::test {
namespace {

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 0x0F];
  }
  return hex;
}

std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return bytes;
}

/// The value is these bytes and these bytes are the value; nothing shorter, longer or newer is taken for it.
template <record T>
void check_golden(const T& value, const std::string& hex) {
  CHECK(to_hex(encode_record(value)) == hex);
  const auto bytes = from_hex(hex);
  const auto decoded = decode_record<T>(bytes);
  REQUIRE(decoded);
  CHECK(to_hex(encode_record(*decoded)) == hex);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CAPTURE(hex, cut);
    const auto damaged = decode_record<T>(std::string_view(bytes).substr(0, cut));
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == error_code::corrupt_record);
  }
  CHECK_FALSE(decode_record<T>(bytes + '\0'));
  CHECK_FALSE(decode_record<T>(static_cast<char>(T::version + 1) + bytes.substr(1)));
}

/// An event is found again by its number, and its number and name are frozen.
template <class A, class Event>
void check_event(const Event& e, std::uint16_t type, std::string_view name, const std::string& hex) {
  CAPTURE(name);
  CHECK(Event::type == type);
  CHECK(Event::name == name);
  check_golden(e, hex);
  const auto encoded = encode_event<A>(64, typename A::event(e));
  CHECK(encoded.kind == A::kind);
  CHECK(encoded.id == 64);
  CHECK(encoded.type == type);
  const auto decoded = decode_event<A>(type, encoded.bytes);
  REQUIRE(decoded);
  CHECK(std::holds_alternative<Event>(*decoded));
  CHECK_FALSE(decode_event<A>(99, encoded.bytes));
}

/// As it lies in an idempotency row: the number of the alternative, then the record.
template <class A, class View>
void check_reply(const View& view, const std::string& hex) {
  const typename A::reply reply = view;
  CHECK(to_hex(encode_reply(reply)) == hex);
  const auto decoded = decode_reply<typename A::reply>(from_hex(hex));
  REQUIRE(decoded);
  CHECK(std::holds_alternative<View>(*decoded));
  CHECK(to_hex(encode_reply(*decoded)) == hex);
  check_golden(view, hex.substr(2));
}

person bo() {
  return {130, "보", "bo@x.y", "/i"};
}
person anna() {
  return {64, "Anna", "a@x.y", std::nullopt};
}

user::state user_state() {
  user::state s;
  s.seq = 64;
  s.name = "Anna";
  s.email = "A@x.y";
  s.password_hash = "$h";
  s.generation = 0xFFFFFFFFFFFFFFFF;
  s.profile_image_url = "/i";
  s.login_count = 3;
  s.last_login_at = noon;
  s.created_at = -1;
  return s;
}

post::state post_state() {
  post::state s;
  s.seq = 128;
  s.writer = anna();
  s.contents = "글\n";
  s.created_at = noon;
  s.updated_at = noon + 1;
  s.numbers = {9, 9, 9};
  return s;
}

comment::state comment_state() {
  return {192, 128, 64, bo(), "ok", noon, std::nullopt};
}

subscription::device device() {
  return {(std::uint64_t{1} << 52) - 1,
          7,
          "https://p/",
          std::string("\x04\x00\xFF", 3),
          "ab",
          "k1",
          "en",
          noon,
          noon,
          2,
          noon};
}

}  // namespace

TEST_CASE("state rows have these bytes", "[domain][golden]") {
  check_golden(user_state(), "014004416e6e61054140782e79022468ffffffffffffffffff0101022f69030180e09592c16801");
  check_golden(user::state{}, "01000000000000000000");
  check_golden(post_state(), "0180010d4004416e6e61056140782e790004eab8800a80e09592c1680182e09592c168");
  check_golden(post::state{}, "01000400000000000000");
  check_golden(comment_state(), "01c00180014011820103ebb3b406626f40782e7901022f69026f6b80e09592c16800");
  check_golden(comment::state{}, "010000000400000000000000");
  check_golden(subscription::state{64, {device(), {}}},
               "01400236ffffffffffffff07070a68747470733a2f2f702f030400ff026162026b3102656e80e09592c1680180e09592c168020"
               "180e09592c1680b0000000000000000000000");
  check_golden(subscription::state{}, "010000");
}

TEST_CASE("rows have these bytes", "[domain][golden]") {
  check_golden(post::counts{1, 300, 70'000}, "0101ac02f0a204");
  check_golden(user::email_row{64}, "0140");
  check_golden(user::generation_row{0x8000000000000000}, "0180808080808080808001");
  check_golden(user::connection_row{user::connection_state::requested, bo(), noon, std::nullopt},
               "010111820103ebb3b406626f40782e7901022f6980e09592c16800");
  check_golden(user::connection_row{user::connection_state::granted, anna(), noon, noon + 1},
               "01020d4004416e6e61056140782e790080e09592c1680182e09592c168");
  check_golden(post::like_row{bo(), noon}, "0111820103ebb3b406626f40782e7901022f6980e09592c168");
  check_golden(subscription::endpoint_row{64, 7, 300, true, {6, 5}}, "024007ac0201020605");
  check_golden(bo(), "01820103ebb3b406626f40782e7901022f69");
}

TEST_CASE("outcomes that are answered again have these bytes", "[domain][golden]") {
  check_golden(idempotency_row{"fp", noon, aggregate_kind::post, "r"}, "0102667080e09592c168020172");
  check_reply<user_aggregate>(user::account_view{64, "Anna", "A@x.y", "/i", 3, noon, -1, 4711},
                              "00014004416e6e61054140782e7901022f69030180e09592c16801");
  check_reply<user_aggregate>(user::connection_view{130, 64, user::connection_state::granted}, "010182014002");
  check_reply<post_aggregate>(post::post_view{128, "ok", {1, 300, 5}, true, anna(), noon, noon + 1},
                              "00018001026f6b0401ac0205010d4004416e6e61056140782e790080e09592c1680182e09592c168");
  check_reply<comment_aggregate>(comment::comment_view{192, "ok", bo(), noon, std::nullopt},
                                 "0001c001026f6b11820103ebb3b406626f40782e7901022f6980e09592c16800");
  check_reply<subscription_aggregate>(subscription::device_view{7, 64, "https://p/", "ko", noon},
                                      "000107400a68747470733a2f2f702f026b6f80e09592c168");
  check_reply<subscription_aggregate>(subscription::removed_view{true}, "010101");
  check_reply<subscription_aggregate>(subscription::nothing_view{}, "0201");
  CHECK_FALSE(decode_reply<post::reply>(""));
  CHECK_FALSE(decode_reply<post::reply>("\x09\x01"));
  // The generation makes tokens: whoever reads a stored outcome must not have it.
  const user::reply stored = user::account_view{64, "Anna", "A@x.y", "/i", 3, noon, -1, 4711};
  const auto read = decode_reply<user::reply>(encode_reply(stored)).value();
  CHECK(std::get<user::account_view>(read).generation == 0);
}

TEST_CASE("events have these bytes, numbers and names", "[domain][golden]") {
  check_event<user_aggregate>(user::user_joined{user_state()}, 1, "user-joined",
                              "01264004416e6e61054140782e79022468ffffffffffffffffff0101022f69030180e09592c16801");
  check_event<user_aggregate>(user::signed_in{noon}, 2, "signed-in", "0180e09592c168");
  check_event<user_aggregate>(user::connection_requested{64, bo(), noon}, 3, "connection-requested",
                              "014011820103ebb3b406626f40782e7901022f6980e09592c168");
  check_event<user_aggregate>(
      user::connection_granted{anna(), bo(), noon, noon + 1}, 4, "connection-granted",
      "010d4004416e6e61056140782e790011820103ebb3b406626f40782e7901022f6980e09592c16882e09592c168");
  check_event<post_aggregate>(post::post_created{post_state()}, 1, "post-created",
                              "012280010d4004416e6e61056140782e790004eab8800a80e09592c1680182e09592c168");
  check_event<post_aggregate>(post::post_liked{128, 64, bo(), "글", noon}, 2, "post-liked",
                              "0180014011820103ebb3b406626f40782e7901022f6903eab88080e09592c168");
  check_event<post_aggregate>(post::comment_added{128, 192, noon}, 3, "comment-added", "018001c00180e09592c168");
  check_event<post_aggregate>(post::post_viewed{128, 64, 5, noon}, 4, "post-viewed", "018001400580e09592c168");
  check_event<comment_aggregate>(
      comment::comment_created{comment_state(), anna(), comment::account_history{3, noon, noon - 1}}, 1,
      "comment-created",
      "0221c00180014011820103ebb3b406626f40782e7901022f69026f6b80e09592c168000d4004416e6e61056140782e7900"
      "010e030180e09592c168fedf9592c168");
  const std::string device_bytes =
      "36ffffffffffffff07070a68747470733a2f2f702f030400ff026162026b3102656e80e09592c1680180e09592c168020180e09592c168";
  const std::vector<subscription::withdrawn_version> withdrawn{{"hash", 5}};
  check_event<subscription_aggregate>(
      subscription::device_subscribed{64, device(), 130, {1, 2}, {"hash"}, withdrawn, {6, 5}, 300}, 1,
      "device-subscribed", "0240" + device_bytes + "8201020102010468617368" + "01060468617368050206" + "05ac02");
  check_event<subscription_aggregate>(subscription::device_removed{64, 7, true, "hash", withdrawn}, 2, "device-removed",
                                      "0240070104686173680106046861736805");
  check_event<subscription_aggregate>(
      subscription::device_replicated{64, device(), 130, {1, 2}, withdrawn, {6, 5}, 300}, 4, "device-replicated",
      "0140" + device_bytes + "8201020102" + "01060468617368050206" + "05ac02");
  check_event<subscription_aggregate>(subscription::version_withdrawn{64, withdrawn}, 5, "version-withdrawn",
                                      "01400106046861736805");
  check_event<subscription_aggregate>(subscription::delivery_recorded{64, 7, true, noon}, 3, "delivery-recorded",
                                      "0140070180e09592c168");
}

TEST_CASE("events of older versions still decode", "[domain][golden]") {
  const auto created = decode_event<comment_aggregate>(
      1,
      from_hex("0121c00180014011820103ebb3b406626f40782e7901022f69026f6b80e09592c168000d4004416e6e61056140782e7900"));
  REQUIRE(created);
  const auto& first = std::get<comment::comment_created>(*created);
  CHECK(to_hex(encode_record(first.comment)) == to_hex(encode_record(comment_state())));
  CHECK(first.post_writer == anna());
  CHECK_FALSE(first.post_writer_history);
}

TEST_CASE("rows and events of a device from before the common table still decode", "[domain][golden]") {
  const auto row = decode_record<subscription::endpoint_row>(from_hex("014007"));
  REQUIRE(row);
  CHECK(row->user == 64);
  CHECK(row->row_version == 7);
  CHECK(row->place == 0);
  CHECK_FALSE(row->in_table);
  CHECK(row->replaces.empty());

  const auto subscribed = decode_event<subscription_aggregate>(
      1, from_hex("014036ffffffffffffff07070a68747470733a2f2f702f030400ff026162026b3102656e80e09592"
                  "c1680180e09592c168020180e09592c1688201020102010468617368"));
  REQUIRE(subscribed);
  const auto& first = std::get<subscription::device_subscribed>(*subscribed);
  CHECK(first.subscribed == device());
  CHECK(first.previous_user == 130);
  CHECK(first.replaced_endpoints == std::vector<std::string>{"hash"});
  CHECK(first.withdrawn.empty());
  CHECK(first.place == 0);

  const auto removed = decode_event<subscription_aggregate>(2, from_hex("014007010468617368"));
  REQUIRE(removed);
  CHECK(std::get<subscription::device_removed>(*removed).endpoint_hash == "hash");
  CHECK(std::get<subscription::device_removed>(*removed).withdrawn.empty());
}

TEST_CASE("numbers of kinds and tables are frozen", "[domain][golden]") {
  CHECK(static_cast<int>(aggregate_kind::user) == 1);
  CHECK(static_cast<int>(aggregate_kind::post) == 2);
  CHECK(static_cast<int>(aggregate_kind::comment) == 3);
  CHECK(static_cast<int>(aggregate_kind::subscription) == 4);
  const std::vector<std::pair<table, int>> tables = {
      {table::state, 1},           {table::counts, 2},        {table::email, 3},
      {table::generation, 4},      {table::post_of_owner, 5}, {table::like, 6},
      {table::comment_of_post, 7}, {table::connection, 8},    {table::idempotency, 9},
      {table::endpoint, 32},       {table::delivery, 33},     {table::delivery_due, 34},
      {table::delivery_log, 35},   {table::fan_out, 36},      {table::gather, 37},
      {table::gather_due, 38},     {table::seen_event, 39},   {table::seen_event_due, 40},
      {table::cursor, 41},         {table::dead_letter, 42},  {table::subscriber_user, 43},
  };
  for (const auto& [where, number] : tables) CHECK(static_cast<int>(where) == number);
}

}  // namespace social::domain::test
