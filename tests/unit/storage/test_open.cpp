// Opening: making a store, refusing one, tails and damage.
#include <fstream>

#include <rocksdb/db.h>

#include "storage/manifest_tail.hpp"
#include "storage/synced_mark.hpp"
#include "tests/unit/storage/damage.hpp"

namespace social::storage::test {

TEST_CASE("a store keeps its id and its shards", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path() / "deeper" / "api", 8);
  std::string id;
  {
    const auto store = open_or_fail(options);
    id = store->ports().log->store_id();
    CHECK(id.size() == 32);
    CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(store->ports().log->shards() == 8);
    CHECK(store->accepting());
    CHECK((std::filesystem::status(options.path).permissions() & std::filesystem::perms::all) ==
          std::filesystem::perms::owner_all);
  }
  CHECK(open_or_fail(options)->ports().log->store_id() == id);
  options.path = directory.path() / "other";
  CHECK(open_or_fail(options)->ports().log->store_id() != id);
}

TEST_CASE("a store in use is refused", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  const auto store = open_or_fail(options);
  CHECK(refused(options).code == error_code::store_locked);
}

TEST_CASE("another number of shards is refused with both numbers", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path(), 4);
  open_or_fail(options).reset();
  options.shards = 5;
  const auto why = refused(options);
  CHECK(why.code == error_code::store_mismatch);
  CHECK(why.message.find("4 shards and 5 were asked for") != std::string::npos);
}

TEST_CASE("a newer format is refused", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path(), 4);
  open_or_fail(options).reset();
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : {"default", "journal", "state", "view", "delivery"})
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  REQUIRE(rocksdb::DB::Open(rocksdb::DBOptions(), directory.path().string(), families, &handles, &raw).ok());
  std::unique_ptr<rocksdb::DB> db(raw);
  SECTION("by its number") {
    REQUIRE(db->Put({}, std::string("\1", 1), std::string("\1\2\4\0", 4)).ok());
  }
  SECTION("by a description of a newer version") {
    REQUIRE(db->Put({}, std::string("\1", 1), std::string("\2\1\4\0", 4)).ok());
  }
  SECTION("by an unknown family") {
    rocksdb::ColumnFamilyHandle* more = nullptr;
    REQUIRE(db->CreateColumnFamily({}, "later", &more).ok());
    handles.push_back(more);
  }
  for (auto* handle : handles) REQUIRE(db->DestroyColumnFamilyHandle(handle).ok());
  db.reset();
  CHECK(refused(options).code == error_code::store_mismatch);
}

TEST_CASE("a path that cannot be a store is refused", "[storage]") {
  const scratch_directory directory;
  append(directory.path() / "file", "not a directory");
  CHECK(refused(options_in(directory.path() / "file")).code == error_code::io_error);
}

TEST_CASE("a torn tail opens, and the log says what was cut", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  std::mutex mutex;
  std::string said;
  options.log = [&](log_level, std::string_view sentence) {
    const std::lock_guard lock(mutex);
    said.append(sentence).append("\n");
  };
  fill(options);
  SECTION("zeros") {
    append(newest_log(options.path), std::string(5000, '\0'));
    check_all_there(options);
  }
  SECTION("garbage") {
    append(newest_log(options.path), std::string(100'000, '\x5a'));
    check_all_there(options);
    INFO(said);
    CHECK(said.find("a power cut tore: kept up to write") != std::string::npos);
  }
  SECTION("a record cut short") {
    const auto log = newest_log(options.path);
    std::filesystem::resize_file(log, std::filesystem::file_size(log) - 100);
    std::filesystem::remove(mark_path(options.path));  // written before that record was synced
    const auto store = open_or_fail(options);
    CHECK(row_of(*store, state_key(49)).has_value());
    CHECK(store->ports().log->head(0) == 49);
  }
}

TEST_CASE("damage below the mark is refused and nothing is changed", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  fill(options);
  const auto log = newest_log(options.path);
  const auto good = bytes_of(log);
  SECTION("a flipped byte") {
    std::fstream file(log, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(5000);
    const auto byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(5000);
    file.put(byte);
  }
  SECTION("a synced tail cut off") {
    std::filesystem::resize_file(log, std::filesystem::file_size(log) / 2);
  }
  SECTION("a missing log") {
    std::filesystem::remove(log);
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto why = refused(options);
    CHECK(why.code == error_code::store_damaged);
    CHECK(why.message.find("is known to have been synced") != std::string::npos);
    CHECK(why.message.find("restore a backup") != std::string::npos);
  }
  std::filesystem::remove(log);
  append(log, good);
  check_all_there(options);
}

TEST_CASE("a torn manifest opens, a damaged one is refused and left alone", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  fill(options);
  const auto manifest = newest_of(options.path, "MANIFEST-");
  SECTION("garbage behind it") {
    append(manifest, std::string(700, '\x5a'));
  }
  SECTION("a record that was written in part") {
    append(manifest, bytes_of(manifest).substr(0, 100) + std::string(300, '\0'));
  }
  SECTION("damage in the middle") {
    std::fstream(manifest, std::ios::binary | std::ios::in | std::ios::out).seekp(20) << "damage";
    const auto before = bytes_of(manifest);
    CHECK(refused(options).code == error_code::store_damaged);
    CHECK(bytes_of(manifest) == before);
    return;
  }
  check_all_there(options);
  for (const auto& entry : std::filesystem::directory_iterator(options.path))
    CHECK(entry.path().extension() != ".torn");
}

TEST_CASE("the sound length of a log", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  fill(options);
  const auto log = bytes_of(newest_log(options.path));
  CHECK(sound_length(log) == std::nullopt);
  CHECK(sound_length("") == std::nullopt);
  CHECK(sound_length(std::string(100, '\0')) == 0);
  CHECK(sound_length(log + std::string(100, '\0')) == log.size());
  CHECK(sound_length(log + std::string(40'000, 'g')) == log.size());
  const auto shorter = sound_length(log.substr(0, log.size() - 1));
  REQUIRE(shorter);
  CHECK(*shorter < log.size());
  auto damaged = log;
  damaged[100] = static_cast<char>(damaged[100] ^ 1);
  CHECK(sound_length(damaged) == std::nullopt);
  CHECK(sound_length(log + std::string(50, 'g') + log) == std::nullopt);  // something valid follows: no tail
}

}  // namespace social::storage::test
