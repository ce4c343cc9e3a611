#include "actors/base/base64.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

using namespace social;

TEST_CASE("base64url of the RFC 4648 vectors", "[base][base64]") {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF\xBE", "-_--"},
  };
  for (const auto& [bytes, text] : vectors) {
    CAPTURE(text);
    CHECK(base64url_encode(bytes) == text);
    CHECK(base64_decode(text) == bytes);
  }
}

TEST_CASE("every length and every byte comes back", "[base][base64]") {
  std::string bytes;
  for (int i = 0; i < 600; ++i) {
    const auto text = base64url_encode(bytes);
    CHECK(text.find_first_of("+/=") == std::string::npos);
    CHECK(base64_decode(text) == bytes);
    bytes.push_back(static_cast<char>((i * 167 + 13) & 0xFF));
  }
}

TEST_CASE("both alphabets are taken, padded or not", "[base][base64]") {
  const std::string bytes = "\xFB\xFF\xBF\xFA";
  for (const auto* text : {"+/+/+g==", "+/+/+g", "-_-_-g==", "-_-_-g"}) {
    CAPTURE(text);
    CHECK(base64_decode(text) == bytes);
  }
}

TEST_CASE("whatever else is refused", "[base][base64]") {
  const std::vector<std::string> texts = {
      "+_+/+g",    // mixed alphabets
      "Z",         // six bits are no byte
      "Zm9vY",     // the same, later
      "Zg=",       // too little padding
      "Zg===",     // too much
      "Zm8==",     // too much
      "Zm9v=",     // none is due
      "Zm9v====",  // none is due
      "=",
      "==",
      "====",      // nothing but padding
      "Zg==Zg==",  // padding inside
      "Z=g=",      // padding inside
      "Zm9v\n",
      " Zm9v",
      "Zm 9v",  // white space
      "Zh",     // bits beyond the last byte
      "Zm9",    // bits beyond the last byte
      "Zm9v!",
      "Zm9.",         // other characters
      "Zm9\xC3\xA9",  // other bytes
      std::string("Zm9v\0", 5),
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text).has_value());
  }
}

TEST_CASE("no two texts of one alphabet and no padding mean the same bytes", "[base][base64]") {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::set<std::string> seen;
  for (const char a : alphabet)
    for (const char b : alphabet)
      if (const auto bytes = base64_decode(std::string{a, b})) seen.insert(*bytes);
  CHECK(seen.size() == 256);
  std::size_t decodable = 0;
  for (const char a : alphabet)
    for (const char b : alphabet) decodable += base64_decode(std::string{a, b}).has_value() ? 1 : 0;
  CHECK(decodable == 256);
}
