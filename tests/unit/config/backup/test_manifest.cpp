// What a backup says about itself, and what is not believed.
#include "actors/base/digest_stream.hpp"
#include "config/backup/manifest.hpp"
#include "tests/unit/config/backup/fixture.hpp"

namespace social::backup::test {
namespace {

manifest some() {
  return {1'700'000'000'123,
          "0.1.0",
          {{"push", "00112233445566778899aabbccddeeff", 64}, {"api", "ffeeddccbbaa99887766554433221100", 64}},
          {{"api/000012.sst", 17, std::string(64, 'a')}, {"secrets/vapid/key-0001.pem", 3, std::string(64, 'b')}}};
}

std::string with_digest(const std::string& inner) {
  return "{\"manifest\":" + inner + ",\"sha256\":\"" + to_hex(sha256(inner)) + "\"}\n";
}

error_code code_of(std::string_view text) {
  const auto found = parse_manifest(text);
  REQUIRE(found.has_error());
  return found.error().code;
}

}  // namespace

TEST_CASE("the digest of a stream is that of the whole", "[backup]") {
  sha256_stream digest;
  digest.update("a");
  digest.update("");
  digest.update("bc");
  CHECK(to_hex(digest.finish()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a manifest is read as it was written", "[backup]") {
  const auto found = parse_manifest(to_text(some()));
  REQUIRE(found);
  CHECK(*found == some());
  CHECK(found->bytes() == 20);
}

TEST_CASE("a manifest that lacks its end, or in which one bit is another, is refused", "[backup]") {
  const auto text = to_text(some());
  for (std::size_t length = 0; length < text.size(); ++length)
    CHECK(code_of(text.substr(0, length)) == error_code::store_damaged);
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto other = text;
    other[at] = static_cast<char>(other[at] ^ 4);
    CHECK(code_of(other) == error_code::store_damaged);
  }
}

TEST_CASE("a manifest of a newer version says so", "[backup]") {
  const auto found = parse_manifest(with_digest(R"({"format":2,"version":"9.9.9","things":[]})"));
  REQUIRE(found.has_error());
  CHECK(found.error().code == error_code::store_mismatch);
  CHECK(found.error().message.find("9.9.9") != std::string::npos);
}

TEST_CASE("a manifest cannot name what is not in a backup", "[backup]") {
  for (const auto* path : {"../etc/passwd", "api/../../x", "/etc/passwd", "run/x.json", "api/", "api", "api/./x", "",
                           "secrets//x", "api/x/../y"}) {
    INFO(path);
    auto bad = some();
    bad.files.front().path = path;
    CHECK(code_of(to_text(bad)) == error_code::store_damaged);
  }
  for (const auto* name : {"other", "..", ""}) {
    auto bad = some();
    bad.stores.front().name = name;
    CHECK(code_of(to_text(bad)) == error_code::store_damaged);
  }
  auto shards = some();
  shards.stores.front().shards = 0;
  CHECK(code_of(to_text(shards)) == error_code::store_damaged);
  auto none = some();
  none.stores.clear();
  CHECK(code_of(to_text(none)) == error_code::store_damaged);
  for (const auto* inner : {"{}", "[]", "null", R"({"format":"1"})", R"({"format":1,"time":1,"version":"1"})"})
    CHECK(code_of(with_digest(inner)) == error_code::store_damaged);
}

TEST_CASE("a directory without a manifest is no backup", "[backup]") {
  const temporary_directory directory;
  const auto found = read_manifest(directory.path());
  REQUIRE(found.has_error());
  CHECK(found.error().code == error_code::store_damaged);
  CHECK(read_manifest(directory.path() / "nowhere").error().code == error_code::invalid_input);
}

}  // namespace social::backup::test
