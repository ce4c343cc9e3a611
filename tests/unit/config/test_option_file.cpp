#include "config/option_file.hpp"
#include "tests/unit/config/fixture.hpp"

namespace social::config {
namespace {

using test::contains;
using test::start;

std::string refused(std::string_view text) {
  const auto parsed = parse_option_file(text, "k.conf");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == error_code::invalid_input);
  return std::string(parsed.error().text());
}

TEST_CASE("option file: lines, comments and spaces") {
  const auto all = parse_option_file(
      "# of the cluster\n\nsecurity.protocol = SASL_SSL \r\n  sasl.password=a=b # c,d\n\tempty=\nlast=1", "k.conf");
  REQUIRE(all);
  CHECK(*all ==
        assignments{{"security.protocol", "SASL_SSL"}, {"sasl.password", "a=b # c,d"}, {"empty", ""}, {"last", "1"}});
  CHECK(parse_option_file("", "k.conf")->empty());
  CHECK(parse_option_file("\n#\n \n", "k.conf")->empty());
}

TEST_CASE("option file: a wrong line is named by its number, and what stands there is not repeated") {
  const auto said = refused("a=1\n\n# x\nhunter2\n");
  CHECK(contains(said, "k.conf"));
  CHECK(contains(said, "line 4"));
  CHECK_FALSE(said.find("hunter2") != std::string::npos);
  for (const std::string wrong : {"=1", "a b=1", " = ", "a,b=1"}) CHECK(contains(refused(wrong), "line 1"));
  CHECK(contains(refused(std::string("a=1\0", 4)), "line 1"));
}

TEST_CASE("option file: a file of a megabyte is taken, one byte more is not") {
  std::string text = "a=1\n#";
  text.resize(std::size_t{1} << 20, 'x');
  CHECK(parse_option_file(text, "k.conf"));
  text.push_back('x');
  CHECK(contains(refused(text), "1MiB"));
}

TEST_CASE("option file: what was given directly comes behind it, and so wins") {
  const start with{.words = {"--kafka.option-file=k.conf", "--kafka.option=a=2"}, .files = {{"k.conf", "a=1\nb=3\n"}}};
  CHECK(with.accepted().kafka.options == assignments{{"a", "1"}, {"b", "3"}, {"a", "2"}});
  CHECK(contains(start{.words = {"--kafka.option-file=none"}}.refused(), "kafka.option-file"));
  CHECK(contains(start{.words = {"--kafka.option-file=k.conf"}, .files = {{"k.conf", "x\n"}}}.refused(), "line 1"));
}

}  // namespace
}  // namespace social::config
