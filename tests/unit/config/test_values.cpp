#include "config/values.hpp"
#include "tests/support/catch.hpp"

namespace social::config {
namespace {

using std::chrono::milliseconds;

TEST_CASE("durations are a whole number and a unit") {
  CHECK(parse_duration("250ms") == milliseconds(250));
  CHECK(parse_duration("5s") == milliseconds(5'000));
  CHECK(parse_duration("2m") == milliseconds(120'000));
  CHECK(parse_duration("48h") == milliseconds(172'800'000));
  CHECK(parse_duration("0s") == milliseconds(0));
  for (const auto* wrong : {"", "5", "s", "-5s", "+5s", "5 s", " 5s", "5s ", "1.5s", "5S", "5sec", "1h30m", "05s", "5d",
                            "0x5s", "99999999999999999999s", "9007199254740992h"})
    CHECK_FALSE(parse_duration(wrong));
}

TEST_CASE("durations are written in the largest whole unit, in the syntax that is read") {
  CHECK(format_duration(milliseconds(0)) == "0s");
  CHECK(format_duration(milliseconds(1)) == "1ms");
  CHECK(format_duration(milliseconds(1'500)) == "1500ms");
  CHECK(format_duration(milliseconds(90'000)) == "90s");
  CHECK(format_duration(milliseconds(600'000)) == "10m");
  CHECK(format_duration(milliseconds(86'400'000)) == "24h");
  for (const std::int64_t ms : {0, 1, 999, 1'000, 59'999, 60'000, 3'599'000, 3'600'000})
    CHECK(parse_duration(format_duration(milliseconds(ms))) == milliseconds(ms));
}

TEST_CASE("sizes are binary") {
  CHECK(parse_size("100B") == 100u);
  CHECK(parse_size("64KiB") == 65'536u);
  CHECK(parse_size("19MiB") == 19'922'944u);
  CHECK(parse_size("1GiB") == 1'073'741'824u);
  for (const auto* wrong : {"", "64", "KiB", "64KB", "64K", "64kib", "-1B", "1.5MiB", "64 KiB", "9007199254740993GiB"})
    CHECK_FALSE(parse_size(wrong));
  CHECK(format_size(0) == "0B");
  CHECK(format_size(1000) == "1000B");
  CHECK(format_size(65'536) == "64KiB");
  CHECK(format_size(19'922'944) == "19MiB");
  CHECK(format_size(1'073'741'824) == "1GiB");
}

TEST_CASE("counts have no sign, space or leading zero") {
  CHECK(parse_count("0") == 0u);
  CHECK(parse_count("18446744073709551615") == 18'446'744'073'709'551'615u);
  for (const auto* wrong : {"", "-1", "+1", "01", "1 ", " 1", "1.0", "1e3", "0x10", "18446744073709551616", "one"})
    CHECK_FALSE(parse_count(wrong));
}

TEST_CASE("toggles") {
  CHECK(parse_toggle("true") == true);
  CHECK(parse_toggle("on") == true);
  CHECK(parse_toggle("false") == false);
  CHECK(parse_toggle("off") == false);
  for (const auto* wrong : {"", "1", "0", "yes", "no", "True", "ON"}) CHECK_FALSE(parse_toggle(wrong));
}

std::string range(std::string_view text) {
  const auto parsed = parse_address_range(text);
  return parsed ? parsed->text() : "refused";
}

TEST_CASE("address ranges lose their host bits") {
  CHECK(range("10.1.2.3/8") == "10.0.0.0/8");
  CHECK(range("192.168.1.77/26") == "192.168.1.64/26");
  CHECK(range("127.0.0.1") == "127.0.0.1/32");
  CHECK(range("0.0.0.0/0") == "0.0.0.0/0");
  CHECK(range("2001:DB8::1/32") == "2001:db8::/32");
  CHECK(range("::1") == "::1/128");
  CHECK(range("fe80::ff/121") == "fe80::80/121");
  for (const auto* wrong : {"", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "name",
                            "010.0.0.1", "[::1]", "fe80::1%eth0"})
    CHECK(range(wrong) == "refused");
}

TEST_CASE("addresses") {
  CHECK(parse_address("127.0.0.1") == "127.0.0.1");
  CHECK(parse_address("0:0:0:0:0:0:0:1") == "::1");
  for (const auto* wrong : {"", "localhost", "[::1]", "127.0.0.1/32", "127.0.0.1:80", "127.1"})
    CHECK_FALSE(parse_address(wrong));
}

TEST_CASE("origins have a normal form") {
  CHECK(parse_origin("https://push.example.org") == "https://push.example.org");
  CHECK(parse_origin("HTTPS://Push.Example.ORG:443/") == "https://push.example.org");
  CHECK(parse_origin("http://127.0.0.1:80") == "http://127.0.0.1");
  CHECK(parse_origin("https://localhost:8443") == "https://localhost:8443");
  CHECK(parse_origin("https://[0:0::1]:8443") == "https://[::1]:8443");
  CHECK(parse_origin("https://[::1]") == "https://[::1]");
  for (const auto* wrong :
       {"", "push.example.org", "ftp://a", "https://", "https:///", "https://a/b", "https://a?b", "https://a#b",
        "https://u@a", "https://a:", "https://a:0", "https://a:65536", "https://a:x", "https://a b", "https://[::1",
        "https://::1", "https://[127.0.0.1]", "https://[::1]x", "https://a//"})
    CHECK_FALSE(parse_origin(wrong));
}

TEST_CASE("base URLs may have a path") {
  CHECK(parse_base_url("https://Example.org/") == "https://example.org");
  CHECK(parse_base_url("https://example.org/Social/") == "https://example.org/Social");
  CHECK(parse_base_url("http://[::1]:8080/a/b") == "http://[::1]:8080/a/b");
  for (const auto* wrong : {"", "example.org", "https://example.org/?a", "https://example.org/#a", "https://u@b/",
                            "https://example.org/a b", "https://example.org/<a>"})
    CHECK_FALSE(parse_base_url(wrong));
}

TEST_CASE("brokers are names or addresses with a port") {
  CHECK(parse_brokers("Kafka1:9092,kafka-2") == "kafka1:9092,kafka-2");
  CHECK(parse_brokers("[0::1]:9092") == "[::1]:9092");
  std::string many = "a";
  for (int i = 1; i < 64; ++i) many += ",a";
  CHECK(parse_brokers(many) == many);
  CHECK_FALSE(parse_brokers(many + ",a"));
  for (const auto* wrong : {"", "a,", ",a", "a:", "a:0", "a:65536", "a b", "http://a", "::1", "a:1:2", "a/b"})
    CHECK_FALSE(parse_brokers(wrong));
}

TEST_CASE("plain names are what Kafka takes") {
  CHECK(is_plain_name("v1.event.post-created_2"));
  CHECK(is_plain_name(std::string(249, 'a')));
  CHECK_FALSE(is_plain_name(std::string(250, 'a')));
  for (const auto* wrong : {"", "a b", "a,b", "a=b", "a/b", "\xc3\xa4"}) CHECK_FALSE(is_plain_name(wrong));
}

TEST_CASE("a comma begins an assignment only before a key") {
  CHECK(parse_assignments("a=1") == assignments{{"a", "1"}});
  CHECK(parse_assignments("a=1,b=2") == assignments{{"a", "1"}, {"b", "2"}});
  CHECK(parse_assignments("debug=broker,topic,b=") == assignments{{"debug", "broker,topic"}, {"b", ""}});
  CHECK(parse_assignments("a=b=c,d e=f") == assignments{{"a", "b=c,d e=f"}});
  CHECK(parse_assignments("a=1,") == assignments{{"a", "1,"}});
  for (const auto* wrong : {"", "a", "=1", ",a=1", "a b=1"}) CHECK_FALSE(parse_assignments(wrong));
}

TEST_CASE("lists are split at commas") {
  CHECK(split_list("").empty());
  CHECK(split_list("a") == std::vector<std::string>{"a"});
  CHECK(split_list("a,b") == std::vector<std::string>{"a", "b"});
  CHECK(split_list("a,") == std::vector<std::string>{"a", ""});
  CHECK(split_list(",") == std::vector<std::string>{"", ""});
}

}  // namespace
}  // namespace social::config
