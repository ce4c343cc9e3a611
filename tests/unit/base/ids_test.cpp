#include "actors/base/ids.hpp"

#include "actors/base/digest.hpp"
#include "tests/support/catch.hpp"

using namespace social;

TEST_CASE("an id knows its shard", "[base][ids]") {
  for (const shard_t shards : {shard_t{1}, shard_t{7}, shard_t{64}, shard_t{1024}})
    for (shard_t shard = 0; shard < shards; ++shard) {
      const auto id = make_id(1, shards, shard);
      CHECK(id > 0);
      CHECK(shard_of(id, shards) == shard);
      CHECK(shard_of(make_id(123'456'789, shards, shard), shards) == shard);
    }
}

TEST_CASE("the shard of an e-mail is the beginning of its SHA-256, big-endian", "[base][ids]") {
  // echo -n abc | sha256sum: ba7816bf8f01cfea...
  CHECK(first_64_bits(sha256("abc")) == 0xBA7816BF8F01CFEAULL);
  CHECK(shard_of_email("abc", 64) == 0xEA % 64);
  CHECK(shard_of_email("abc", 1000) == 0xBA7816BF8F01CFEAULL % 1000);
}

TEST_CASE("an id in a path is plain decimal below 2^53", "[base][ids]") {
  CHECK(parse_id("1") == 1);
  CHECK(parse_id("9007199254740991") == max_id);
  for (const auto* text : {"", "0", "01", "-1", "+1", " 1", "1 ", "1a", "a", "1.0", "0x1", "9007199254740992",
                           "9999999999999999", "18446744073709551617", "１"}) {
    CAPTURE(text);
    CHECK(parse_id(text) == 0);
  }
}
