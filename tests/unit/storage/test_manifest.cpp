// CURRENT and the manifest: what is missing of them is never taken for a store that is new or whole.
#include <rocksdb/db.h>

#include "storage/keys.hpp"
#include "storage/manifest_tail.hpp"
#include "storage/stopped_store.hpp"
#include "storage/synced_mark.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/unit/storage/damage.hpp"

namespace social::storage::test {

namespace {

using social::test::fault_file_system;
using social::test::power_cut;

/// Where the records of a manifest of less than a block begin.
std::vector<std::size_t> record_beginnings(const std::string& manifest) {
  constexpr std::size_t header = 7;
  std::vector<std::size_t> out;
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(manifest[at])); };
  for (std::size_t at = 0; at + header <= manifest.size(); at += header + (byte(at + 4) | byte(at + 5) << 8))
    out.push_back(at);
  REQUIRE(manifest.size() < 32768);
  return out;
}

/// The store of `fill`, its rows in tables, and its manifest.
std::filesystem::path fill_and_flush(const storage_options& options) {
  fill(options);
  open_or_fail(options).reset();
  return newest_of(options.path, "MANIFEST-");
}

/// What `verify` says.
std::string looked_at(const storage_options& options) {
  const auto opened = stopped_store::open(options);
  REQUIRE(!opened);
  CHECK(opened.error().code == error_code::store_damaged);
  return std::string(opened.error().text());
}

synced_mark mark_of(const std::filesystem::path& store) {
  return read_mark(*rocksdb::FileSystem::Default(), store);
}

void set_mark(const std::filesystem::path& store, const synced_mark& mark) {
  write_mark(*rocksdb::FileSystem::Default(), store, mark).value();
}

/// With RocksDB alone.
template <class Change>
void change_rows(const std::filesystem::path& store, Change change) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.reserve(family_names.size());
  for (const auto name : family_names) families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  REQUIRE(rocksdb::DB::Open(rocksdb::DBOptions(), store.string(), families, &handles, &raw).ok());
  const std::unique_ptr<rocksdb::DB> db(raw);
  change(*db, handles);
  for (auto* handle : handles) REQUIRE(db->DestroyColumnFamilyHandle(handle).ok());
}

}  // namespace

TEST_CASE("a synced manifest that lost records is refused, wherever it was cut", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  const auto manifest = fill_and_flush(options);
  const auto good = bytes_of(manifest);
  CHECK(mark_of(options.path).manifest == synced_file{manifest.filename().string(), good.size()});
  const auto beginnings = record_beginnings(good);
  REQUIRE(beginnings.size() >= 5);
  for (const auto at : beginnings) {
    INFO("record at " << at << " of " << good.size());
    for (const auto length : {at, at + 3, at + 12}) {
      put(manifest, good.substr(0, length));
      check_damaged(options, "is known to have been synced");
    }
  }
  put(manifest, good);
  check_all_there(options);
}

TEST_CASE("a flipped bit in any record of a synced manifest is damage, not a torn tail", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  const auto manifest = fill_and_flush(options);
  const auto good = bytes_of(manifest);
  for (const auto at : record_beginnings(good)) {
    for (const std::size_t inside : {0, 4, 5, 6, 9}) {  // checksum, length, type, content
      INFO("byte " << inside << " of the record at " << at);
      auto flipped = good;
      flipped[at + inside] = static_cast<char>(flipped[at + inside] ^ 1);
      put(manifest, flipped);
      check_damaged(options, "is known to have been synced");
      CHECK(looked_at(options).find("start the server") == std::string::npos);
    }
  }
  put(manifest, good);
  check_all_there(options);
}

TEST_CASE("of a manifest that a power cut tore, the look says that the server mends it", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  // A whole header, and a content that was not written: RocksDB calls it a corruption.
  append(fill_and_flush(options), std::string("crc!\x14\0\1", 7) + std::string(300, '\0'));
  CHECK(looked_at(options).find("start the server once") != std::string::npos);
  check_all_there(options);
}

TEST_CASE("the mark follows the manifest of a store that is not written", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path() / "store");
  options.mark_interval = 1ms;
  auto killed = options;
  killed.path = directory.path() / "killed";
  {
    const auto store = open_or_fail(options);
    for (std::uint64_t i = 1; i <= 50; ++i) REQUIRE(commit(*store, request(0, 1, i, std::string(200, 'v'))));
    REQUIRE(eventually([&] { return mark_of(options.path).sequence >= 51; }));
    const auto before = mark_of(options.path).manifest;
    REQUIRE(store->copy_to(directory.path() / "copy"));  // flushes
    const auto manifest = newest_of(options.path, "MANIFEST-");
    REQUIRE(eventually([&] { return mark_of(options.path).manifest.bytes == std::filesystem::file_size(manifest); }));
    CHECK(mark_of(options.path).manifest.name == before.name);
    CHECK(mark_of(options.path).manifest.bytes > before.bytes);
    std::filesystem::copy(options.path, killed.path);  // as kill -9 leaves it
  }
  const auto manifest = newest_of(killed.path, "MANIFEST-");
  const auto good = bytes_of(manifest);
  const auto beginnings = record_beginnings(good);
  put(manifest, good.substr(0, beginnings[beginnings.size() - 2]));
  check_damaged(killed, "is known to have been synced");
  put(manifest, good);
  check_all_there(killed);
}

TEST_CASE("a manifest newer than the mark's is believed, an older one is not", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  const auto older = fill_and_flush(options);
  const auto old_bytes = bytes_of(older);
  const auto old_current = bytes_of(options.path / "CURRENT");
  const auto old_mark = mark_of(options.path);
  open_or_fail(options).reset();  // makes a new one
  const auto new_mark = mark_of(options.path);
  REQUIRE(new_mark.manifest.name > old_mark.manifest.name);
  const auto new_current = bytes_of(options.path / "CURRENT");
  put(older, old_bytes);
  put(options.path / "CURRENT", old_current);
  check_damaged(options, "is known to have taken its place");
  std::filesystem::remove(older);
  put(options.path / "CURRENT", new_current);
  set_mark(options.path, old_mark);
  check_all_there(options);
}

TEST_CASE("a CURRENT that names no manifest, or one that is not there, is damage", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  const auto manifest = fill_and_flush(options);
  const auto current = bytes_of(options.path / "CURRENT");
  for (const std::string wrong : {"", "\n", "MANIFEST-000001", "MANIFEST-\n", "MANIFEST-00000x\n", "../CURRENT\n"}) {
    put(options.path / "CURRENT", wrong);
    check_damaged(options, "CURRENT names no manifest");
  }
  put(options.path / "CURRENT", "MANIFEST-999999\n");
  check_damaged(options, "is missing");
  put(options.path / "CURRENT", current);
  const auto good = bytes_of(manifest);
  std::filesystem::remove(manifest);
  check_damaged(options, "is missing");
  put(manifest, good);
  check_all_there(options);
}

TEST_CASE("a store without CURRENT is never taken for a new one", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  const auto manifest = fill_and_flush(options);
  const auto all = files_in(options.path);
  std::filesystem::remove(options.path / "CURRENT");
  SECTION("with everything else") {
    check_damaged(options, "CURRENT, which names its manifest, is missing");
    CHECK(looked_at(options).find("CURRENT, which names its manifest, is missing") != std::string::npos);
  }
  SECTION("with the mark alone") {
    for (const auto& [name, bytes] : all)
      if (name != "synced-mark") std::filesystem::remove(options.path / name);
    check_damaged(options, "CURRENT, which names its manifest, is missing");
  }
  SECTION("with files of one kind alone") {
    const std::string kind = GENERATE(".sst", ".log", "MANIFEST-");
    for (const auto& [name, bytes] : all)
      if (name.find(kind) == std::string::npos) std::filesystem::remove(options.path / name);
    check_damaged(options, "CURRENT, which names its manifest, is missing");
  }
  SECTION("with one that RocksDB made anew") {  // as versions before the check left it
    put(options.path / "CURRENT", "MANIFEST-000001\n");
    put(options.path / "MANIFEST-000001", bytes_of(manifest).substr(0, 60));
    check_damaged(options, "that of an empty store");
    std::filesystem::remove(mark_path(options.path));
    check_damaged(options, "that of an empty store");
    std::filesystem::remove(options.path / "MANIFEST-000001");
  }
  for (const auto& [name, bytes] : all) put(options.path / name, bytes);
  check_all_there(options);
}

TEST_CASE("a store without its description is not described anew", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  fill_and_flush(options);
  change_rows(options.path, [](rocksdb::DB& db, const auto&) { REQUIRE(db.Delete({}, std::string("\1", 1)).ok()); });
  const bool marked = GENERATE(true, false);
  if (!marked) std::filesystem::remove(mark_path(options.path));
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto why = refused(options);
    CHECK(why.code == error_code::store_damaged);
    CHECK(why.message.find("its description is missing") != std::string::npos);
  }
}

TEST_CASE("a journal key that is none is damage", "[storage]") {
  const scratch_directory directory;
  const auto options = options_in(directory.path());
  fill_and_flush(options);
  const std::string key = GENERATE(std::string(11, '\0'), std::string(2, '\0') + std::string(9, '\xfe'));
  change_rows(options.path,
              [&](rocksdb::DB& db, const auto& handles) { REQUIRE(db.Put({}, handles[1], key, "anything").ok()); });
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto opened = rocks_store::open(options);
    REQUIRE(!opened);
    CHECK(opened.error().code == error_code::store_damaged);
    CHECK(opened.error().message.find("shard 0 does not decode") != std::string::npos);
  }
}

TEST_CASE("a creation that was cut short is done again", "[storage][fault]") {
  const auto mode = GENERATE(power_cut::drop, power_cut::zero, power_cut::tear);
  const scratch_directory directory;
  const auto files = fault_file_system::make();
  bool whole = false;
  for (int cut_at = 1; !whole; ++cut_at) {
    INFO("mode " << static_cast<int>(mode) << ", cut at sync " << cut_at);
    auto options = options_in(directory.path() / std::to_string(cut_at));
    options.file_system = files;
    std::atomic<int> syncs{0};
    files->set_sync_hook([&](const std::string&) {
      if (++syncs == cut_at) files->cut_power(mode, 1);
    });
    auto made = rocks_store::open(options);
    whole = syncs < cut_at;
    REQUIRE((!whole || made));
    files->cut_power(mode, 1);
    files->set_sync_hook(nullptr);
    if (made) made->reset();
    files->restore_power();
    const auto store = open_or_fail(options);
    CHECK(commit(*store, request(0, 1, 1, "one")).value() == 1);
  }
}

}  // namespace social::storage::test
