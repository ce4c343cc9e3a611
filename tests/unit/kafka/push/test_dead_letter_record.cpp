#include "actors/kafka/push/dead_letter_record.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka::test {
namespace {

received poison() {
  received r;
  r.content.topic = "v1.event.user-joined";
  r.content.partition = 258;
  r.content.key = std::string("k\0\xFF", 3);
  r.content.value = "{";
  r.content.headers = {{"ce_id", "1-1"}, {"x", std::nullopt}, {"x", "2"}};
  r.offset = 0x0102030405060708;
  r.time = 1'700'000'000'000;
  return r;
}

std::string header_of(const record& r, std::string_view name) {
  std::size_t count = 0;
  std::string value;
  for (const auto& h : r.headers)
    if (h.name == name) {
      ++count;
      value = h.value.value_or("(null)");
    }
  CHECK(count == 1);
  return value;
}

}  // namespace

TEST_CASE("a dead letter is the record and where it came from, as Spring writes it", "[kafka]") {
  error why(error_code::invalid_input);
  why.fields = {{"userId", "is missing"}, {"name", "must be a text"}};
  const auto letter = dead_letter_of(poison(), why);
  CHECK(letter.topic == "v1.event.user-joined-dlt");
  CHECK(letter.partition == -1);
  CHECK(letter.key == poison().content.key);
  CHECK(letter.value == poison().content.value);
  CHECK(std::vector(letter.headers.begin(), letter.headers.begin() + 3) == poison().content.headers);
  CHECK(header_of(letter, "kafka_dlt-original-topic") == "v1.event.user-joined");
  CHECK(header_of(letter, "kafka_dlt-original-partition") == std::string("\0\0\x01\x02", 4));
  CHECK(header_of(letter, "kafka_dlt-original-offset") == "\x01\x02\x03\x04\x05\x06\x07\x08");
  CHECK(header_of(letter, "kafka_dlt-original-timestamp") == std::string("\0\0\x01\x8B\xCF\xE5\x68\0", 8));
  CHECK(header_of(letter, "kafka_dlt-exception-fqcn") == "invalid_input");
  CHECK(header_of(letter, "kafka_dlt-exception-message").ends_with("userId is missing; name must be a text"));

  const auto origin = origin_of_dead_letter(letter).value();
  CHECK(origin.topic == "v1.event.user-joined");
  CHECK(origin.partition == 258);
  CHECK(origin.offset == 0x0102030405060708);
  CHECK(origin.time == 1'700'000'000'000);
  CHECK(origin.code == "invalid_input");
  CHECK_FALSE(origin.value_left_out);
}

TEST_CASE("what is sent back is as it was, and poison once more has its headers once", "[kafka]") {
  const auto letter = dead_letter_of(poison(), error{error_code::malformed_json, "first"});
  auto back = revived(letter).value();
  auto original = poison().content;
  original.partition = -1;
  CHECK(back == original);

  received again;
  again.content = letter;  // somebody copied the letter as it lies there
  again.content.topic = "v1.event.user-joined";
  again.offset = 9;
  const auto second = dead_letter_of(again, error{error_code::invalid_input, "second"});
  CHECK(header_of(second, "kafka_dlt-exception-message") == "second");
  CHECK(origin_of_dead_letter(second)->offset == 9);
  CHECK(second.headers.size() == letter.headers.size());
}

TEST_CASE("a value that does not fit is left out and said to be", "[kafka]") {
  const auto letter = dead_letter_of(poison(), error{error_code::malformed_json, "why"}, letter_part::without_value);
  CHECK_FALSE(letter.value);
  CHECK(letter.key == poison().content.key);
  CHECK(header_of(letter, "ce_id") == "1-1");
  CHECK(header_of(letter, "kafka_dlt-value-left-out") == "1");
  CHECK(origin_of_dead_letter(letter)->value_left_out);
  const auto back = revived(letter);
  REQUIRE_FALSE(back);
  CHECK(back.error().message.find("partition 258") != std::string::npos);

  const auto smallest = dead_letter_of(poison(), error{error_code::malformed_json, "why"}, letter_part::place_alone);
  CHECK_FALSE(smallest.value);
  CHECK_FALSE(smallest.key);
  CHECK(smallest.headers.size() == 7);
  CHECK(origin_of_dead_letter(smallest)->offset == poison().offset);
  CHECK_FALSE(revived(smallest));
}

TEST_CASE("reasons are text of a bounded length", "[kafka]") {
  const auto long_reason = dead_letter_of(poison(), error{error_code::malformed_json, std::string(5'000, 'x')});
  CHECK(header_of(long_reason, "kafka_dlt-exception-message").size() == 1024);
  const auto bytes = dead_letter_of(poison(), error{error_code::malformed_json, "good\xFF then not"});
  CHECK(header_of(bytes, "kafka_dlt-exception-message") == "good");
}

TEST_CASE("what is no dead letter is not taken for one", "[kafka]") {
  CHECK_FALSE(origin_of_dead_letter(poison().content));
  CHECK_FALSE(revived(poison().content));
  record short_numbers;
  short_numbers.headers = {{"kafka_dlt-original-topic", "t"}, {"kafka_dlt-original-partition", "\x01"}};
  const auto origin = origin_of_dead_letter(short_numbers).value();
  CHECK(origin.partition == -1);
  CHECK(origin.offset == -1);
}

}  // namespace social::kafka::test
