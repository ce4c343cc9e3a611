// Bytes on disk: pinned by tests/golden/storage.txt. A difference is a new format version, never a new golden file.
#include <cstdlib>
#include <fstream>
#include <set>

#include "storage/keys.hpp"
#include "storage/synced_mark.hpp"
#include "storage/values.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

namespace {

using domain::table;

std::string hexadecimal(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out.push_back("0123456789abcdef"[static_cast<std::uint8_t>(c) >> 4]);
    out.push_back("0123456789abcdef"[static_cast<std::uint8_t>(c) & 15]);
  }
  return out;
}

ports::commit_request golden_request() {
  ports::commit_request out;
  out.shard = 3;
  out.time = 1'700'000'000'123;
  out.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  out.events.push_back({domain::aggregate_kind::user, 67, 1, std::string("\1abc", 4)});
  out.events.push_back({domain::aggregate_kind::comment, 300, 513, std::string("\2\0\xff", 3)});
  return out;
}

std::vector<std::pair<std::string, std::string>> golden_values() {
  const auto journal = encode_journal_key({0x0102, 0x0304050607080900});
  return {
      {"meta key", encode_meta_key()},
      {"meta value", encode_record(meta_value{1, 64, "00112233445566778899aabbccddeeff"})},
      {"id block key", encode_id_block_key({domain::aggregate_kind::comment, 0x0102})},
      {"id block value", encode_record(id_block_value{1025})},
      {"journal key", {journal.data(), journal.size()}},
      {"journal value", encode_journal_value(golden_request())},
      {"row state", encode_row_key({table::state, 2, 0x0102030405060708, ""})},
      {"row email", encode_row_key({table::email, 0, 0, "a@b.c"})},
      {"row post_of_owner", encode_row_key({table::post_of_owner, 1, 2, ""})},
      {"row comment_of_post", encode_row_key({table::comment_of_post, 1, 0, ""})},
      {"row like", encode_row_key({table::like, 1, ~std::uint64_t{0}, ""})},
      {"row delivery", encode_row_key({table::delivery, 5, 6, "3-17"})},
      {"row counts", encode_row_key({table::counts, 2, 3, ""})},
      {"row generation", encode_row_key({table::generation, 64, 0, ""})},
      {"row connection", encode_row_key({table::connection, 64, 130, ""})},
      {"row idempotency", encode_row_key({table::idempotency, 20780, 64, "k-1"})},
      {"row endpoint", encode_row_key({table::endpoint, 0, 0, std::string("\0\xff", 2)})},
      {"row delivery_due", encode_row_key({table::delivery_due, 7, 1000, "d"})},
      {"row delivery_log", encode_row_key({table::delivery_log, 64, 7, "n"})},
      {"row fan_out", encode_row_key({table::fan_out, 0, 0, "3-17"})},
      {"row gather", encode_row_key({table::gather, 64, 7, "w"})},
      {"row gather_due", encode_row_key({table::gather_due, 1000, 0, "g"})},
      {"row seen_event", encode_row_key({table::seen_event, 0, 0, "s 3-17"})},
      {"row seen_event_due", encode_row_key({table::seen_event_due, 1000, 0, "s 3-17"})},
      {"row cursor", encode_row_key({table::cursor, 3, 0, "push"})},
      {"row dead_letter", encode_row_key({table::dead_letter, 1000, 0, "i"})},
      {"row subscriber_user", encode_row_key({table::subscriber_user, 64, 0, ""})},
      {"synced mark", encode_mark({123456789, {"000012.log", 4096}, {"MANIFEST-000011", 2048}})},
  };
}

/// A switch without a default: a table that is added does not compile before it is named here.
std::string_view name_of(table where) {
  switch (where) {
    case table::state:
      return "state";
    case table::counts:
      return "counts";
    case table::email:
      return "email";
    case table::generation:
      return "generation";
    case table::post_of_owner:
      return "post_of_owner";
    case table::like:
      return "like";
    case table::comment_of_post:
      return "comment_of_post";
    case table::connection:
      return "connection";
    case table::idempotency:
      return "idempotency";
    case table::endpoint:
      return "endpoint";
    case table::delivery:
      return "delivery";
    case table::delivery_due:
      return "delivery_due";
    case table::delivery_log:
      return "delivery_log";
    case table::fan_out:
      return "fan_out";
    case table::gather:
      return "gather";
    case table::gather_due:
      return "gather_due";
    case table::seen_event:
      return "seen_event";
    case table::seen_event_due:
      return "seen_event_due";
    case table::cursor:
      return "cursor";
    case table::dead_letter:
      return "dead_letter";
    case table::subscriber_user:
      return "subscriber_user";
  }
  return {};
}

}  // namespace

TEST_CASE("every table has a golden key", "[storage]") {
  std::set<std::string> pinned;
  for (const auto& [name, bytes] : golden_values()) pinned.insert(name);
  std::size_t tables = 0;
  for (int number = 0; number < 256; ++number) {
    const auto name = name_of(static_cast<table>(number));
    if (name.empty()) continue;
    ++tables;
    INFO(name);
    CHECK(pinned.contains("row " + std::string(name)));
  }
  CHECK(tables == 21);
}

TEST_CASE("bytes on disk are the golden ones", "[storage]") {
  const char* root = std::getenv("SOCIAL_SOURCE_DIR");  // ctest says it; by hand from the project's root
  std::ifstream file(std::filesystem::path(root != nullptr ? root : ".") / "tests/golden/storage.txt");
  REQUIRE(file);
  std::map<std::string, std::string> golden;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto at = line.find(" = ");
    REQUIRE(at != std::string::npos);
    golden[line.substr(0, at)] = line.substr(at + 3);
  }
  const auto values = golden_values();
  CHECK(golden.size() == values.size());
  for (const auto& [name, bytes] : values) {
    INFO(name);
    CHECK(golden[name] == hexadecimal(bytes));
  }
}

TEST_CASE("families and their names are frozen", "[storage]") {
  CHECK(family_names == std::array<std::string_view, 5>{"default", "journal", "state", "view", "delivery"});
  CHECK(family_of(table::state) == family::state);
  CHECK(family_of(table::counts) == family::state);
  CHECK(family_of(table::email) == family::view);
  CHECK(family_of(table::connection) == family::view);
  CHECK(family_of(table::idempotency) == family::view);
  CHECK(family_of(table::endpoint) == family::delivery);
  CHECK(family_of(table::subscriber_user) == family::delivery);
}

TEST_CASE("keys come back as they went", "[storage]") {
  for (const auto& key : {domain::row_key{table::state, 1, 2, ""}, domain::row_key{table::post_of_owner, 9, 0, "text"},
                          domain::row_key{table::comment_of_post, ~std::uint64_t{0}, ~std::uint64_t{0}, ""},
                          domain::row_key{table::delivery, 0, 255, std::string("\0\xff", 2)}})
    CHECK(decode_row_key(encode_row_key(key)) == key);
  CHECK(decode_row_key(std::string(16, 'x')) == std::nullopt);
  const auto bytes = encode_journal_key({513, 77});
  CHECK(decode_journal_key({bytes.data(), bytes.size()}) == journal_key{513, 77});
  CHECK(decode_journal_key("short") == std::nullopt);
  CHECK(decode_id_block_key(encode_id_block_key({domain::aggregate_kind::post, 63})) ==
        id_block_key{domain::aggregate_kind::post, 63});
  CHECK(decode_id_block_key(encode_meta_key()) == std::nullopt);
}

TEST_CASE("key bytes order like the rows they name", "[storage]") {
  CHECK(encode_row_key({table::like, 1, 255, ""}) < encode_row_key({table::like, 1, 256, ""}));
  CHECK(encode_row_key({table::like, 1, 256, ""}) < encode_row_key({table::like, 2, 0, ""}));
  CHECK(encode_row_key({table::post_of_owner, 1, 256, ""}) < encode_row_key({table::post_of_owner, 1, 255, ""}));
  CHECK(encode_row_key({table::delivery, 1, 1, "a"}) < encode_row_key({table::delivery, 1, 1, "b"}));
  CHECK(end_of_prefix("a") == "b");
  CHECK(end_of_prefix("a\xff\xff") == "b");
  CHECK(end_of_prefix("\xff").empty());
}

TEST_CASE("journal values come back, and damaged ones are refused by name", "[storage]") {
  const auto request = golden_request();
  const auto value = encode_journal_value(request);
  const auto record = decode_journal_record({3, 9}, value).value();
  CHECK(record.shard == 3);
  CHECK(record.first_sequence == 9);
  CHECK(record.time == request.time);
  CHECK(record.trace == request.trace);
  REQUIRE(record.events.size() == 2);
  CHECK(record.events[1].kind == domain::aggregate_kind::comment);
  CHECK(record.events[1].id == 300);
  CHECK(record.events[1].type == 513);
  CHECK(record.events[1].bytes == request.events[1].bytes);
  CHECK(events_in_journal_value(value) == 2);
  for (std::size_t size = 0; size < value.size(); ++size) {
    const auto cut = decode_journal_record({3, 9}, std::string_view(value).substr(0, size));
    REQUIRE(!cut);
    CHECK(cut.error().code == error_code::corrupt_record);
    CHECK(cut.error().message.find("shard 3, sequence 9") != std::string::npos);
    CHECK(events_in_journal_value(std::string_view(value).substr(0, size)) == 0);
  }
  CHECK(!decode_journal_record({3, 9}, value + "x"));
  auto newer = value;
  newer[0] = 2;
  CHECK(!decode_journal_record({3, 9}, newer));
}

TEST_CASE("a mark that does not check is no mark", "[storage]") {
  const auto most = ~std::uint64_t{0};
  for (const synced_mark& mark : {synced_mark{}, synced_mark{most, {"999999.log", most}, {"MANIFEST-999999", most}},
                                  synced_mark{1, {"1.log", 2}}})
    CHECK(decode_mark(encode_mark(mark)).value() == mark);
  const synced_mark all{123456789, {"000012.log", 4567}, {"MANIFEST-000011", 890}};
  const std::string line = "social-synced-mark 3 123456789 000012.log 4567 MANIFEST-000011 890 abeeb483a37cb953\n";
  CHECK(encode_mark(all) == line);
  CHECK(decode_mark("social-synced-mark 2 123456789 000012.log 4567 0105fb17ba4135ef\n").value() ==
        synced_mark{123456789, {"000012.log", 4567}});
  CHECK(decode_mark("social-synced-mark 1 123456789 a81545651ea6b8cc\n").has_error());
  CHECK(decode_mark("social-synced-mark 1 123456789 a81545651ea6b8cb\n").value() == synced_mark{123456789, {}});
  const auto text = encode_mark({12345, {"000004.log", 17}, {"MANIFEST-000005", 18}});
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto wrong = text;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    CHECK(!decode_mark(wrong));
    CHECK(!decode_mark(text.substr(0, i)));
  }
}

}  // namespace social::storage::test
