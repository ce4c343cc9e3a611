#include "actors/push/rows.hpp"
#include "actors/push/settlement.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_store.hpp"

namespace social::push {
namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

template <class T>
void pinned(const T& value, std::string_view bytes) {
  const auto encoded = encode_record(value);
  CHECK(hex(encoded) == bytes);
  CHECK(encode_record(decode_record<T>(encoded).value()) == encoded);
}

delivery_row some_delivery() {
  delivery_row row;
  row.event_id = "3-17";
  row.source = "s";
  row.type = "post-liked";
  row.trace = "t";
  row.event_time = 1000;
  row.title = "T";
  row.body = "B";
  row.click_target = "/c";
  row.tag = "g";
  row.lang = "ko";
  row.urgency = urgency::high;
  row.topic = "p";
  row.console_text = "x";
  row.origin = "o";
  row.row_version = 300;
  row.created = 2;
  row.expires = 3;
  row.next_attempt = 4;
  row.attempts = 5;
  row.last_result = "503";
  return row;
}

}  // namespace

TEST_CASE("rows of the push store have these bytes") {
  pinned(some_delivery(),
         "0104332d313701730a706f73742d6c696b65640174d00f01540142022f630167026b6f0401700178016fac020406080503353033");
  pinned(due_row{"o", 1, 2}, "01016f0204");
  pinned(delivery_log_row{"e", "t", 1, 2, delivery_result::refused, 403, 3, 4}, "010165017402020393030608");
  pinned(dead_letter_row{1, 2, 3, delivery_result::expired, "r", "h", "d"}, "0101020605017201680164");
  pinned(gather_row{1, 2, {3, 4}, 5, "l"}, "01020202030405016c");
  pinned(fan_out_row{"e", 1, 2, 3}, "010165020203");
  pinned(seen_row{1}, "0102");
  pinned(reaction_cursor_row{7}, "0107");
  pinned(event_record{1, "i", "s", 2, "t", 3, 4, 5, 6, "n", "c"}, "01010169017304017403040506016e0163");
}

TEST_CASE("events come back from their record") {
  using namespace protocol;
  for (const push_event_body& body : std::initializer_list<push_event_body>{
           user_joined{1, "n"}, post_liked{1, 2, 3, "n", "c"}, comment_created{1, 2, 3, 4, "n", "c"},
           connection_requested{1, 2, "n"}, connection_granted{1, 2, "n"}}) {
    const push_event event{"3-1", "src", 5, "tr", body};
    const auto back = from_record(to_record(event)).value();
    CHECK(back.type() == event.type());
    CHECK(encode_record(to_record(back)) == encode_record(to_record(event)));
  }
  event_record unknown;
  unknown.body = 5;
  CHECK(from_record(unknown).error().code == error_code::corrupt_record);
}

TEST_CASE("names of deliveries and windows come back from their text") {
  const delivery_name name{12, 34, "3-17@ab/cd"};
  CHECK(delivery_name::parse(name.text()) == name);
  CHECK_FALSE(delivery_name::parse("12/34"));
  CHECK_FALSE(delivery_name::parse("x/34/e"));
  const auto window = gather_name::parse(gather_name{1, 2, "like/9"}.text());
  REQUIRE(window);
  CHECK(window->kind == "like/9");
}

TEST_CASE("two stores that count alike do not meet in one delivery") {
  CHECK(delivery_id("a", "3-17") != delivery_id("b", "3-17"));
  CHECK(delivery_id("a", "3-17").starts_with("3-17@"));
  CHECK(delivery_id("a", std::string(5000, 'x')).size() < 100);
  CHECK(seen_key("a", std::string(5000, 'x')).text.size() < 100);
}

TEST_CASE("a log reads newest first, a lane earliest first") {
  const delivery_name name{1, 2, "e"};
  CHECK(log_key(name, 2000).text < log_key(name, 1000).text);
  CHECK(test::encode_memory_key(due_key(9, 1000, name)) < test::encode_memory_key(due_key(9, 2000, name)));
}

TEST_CASE("an answered delivery leaves and its log row comes; a refused one can be replayed") {
  auto row = some_delivery();
  const lane_entry entry{{1, 2, "e"}, row.next_attempt, row.created, row.expires};
  const auto accepted = rows_of_ending(entry, row, {delivery_result::accepted, 201, 7, "", ""}, 50);
  REQUIRE(accepted.size() == 3);
  CHECK_FALSE(accepted[0].value);
  CHECK_FALSE(accepted[1].value);
  CHECK(accepted[1].key == due_key(lane_id("o"), 4, entry.name));
  CHECK(accepted[2].key == log_key(entry.name, 50));

  const auto refused = rows_of_ending(entry, row, {delivery_result::refused, 403, 7, "why", "h"}, 50);
  REQUIRE(refused.size() == 4);
  const auto letter = decode_record<dead_letter_row>(*refused[3].value).value();
  CHECK(letter.reason == "why");
  const auto back = rows_of_replay(refused[3].key, letter, 900, 100).value();
  CHECK(back.entry.name == entry.name);
  CHECK(back.entry.due == 900);
  CHECK(back.entry.expires == 1000);
  CHECK(back.origin == "o");
}

TEST_CASE("a retry moves the delivery in the order of work") {
  auto row = some_delivery();
  const lane_entry entry{{1, 2, "e"}, 4, 2, 3};
  const auto rows = rows_of_retry(entry, row, "503", 77);
  CHECK(rows[0].key == due_key(lane_id("o"), 4, entry.name));
  CHECK_FALSE(rows[0].value);
  CHECK(rows[1].key == due_key(lane_id("o"), 77, entry.name));
  CHECK(decode_record<delivery_row>(*rows[2].value).value().next_attempt == 77);
}

}  // namespace social::push
