// The log guard: after the first failure of the log nothing is written, and a closed log never says so itself.
#include "storage/log_guard.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

namespace {

using social::test::fault_file_system;
using social::test::operation;

struct guarded {
  scratch_directory directory;
  std::shared_ptr<fault_file_system> files = fault_file_system::make();
  log_guard guard{files, directory.path()};
  rocksdb::IOOptions io;

  std::string path(const std::string& name) const { return (directory.path() / name).string(); }
  std::unique_ptr<rocksdb::FSWritableFile> make(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> out;
    REQUIRE(guard.NewWritableFile(path(name), {}, &out, nullptr).ok());
    return out;
  }
};

}  // namespace

TEST_CASE("a closed log's failure is reported by the current one", "[storage][fault]") {
  guarded it;
  const auto closed = it.make("1.log");
  const auto current = it.make("2.log");
  const auto table = it.make("3.sst");
  REQUIRE(closed->Append("a", it.io, nullptr).ok());
  REQUIRE(current->Append("b", it.io, nullptr).ok());
  it.files->fail({operation::sync, "1.log", 1});
  CHECK(closed->Sync(it.io, nullptr).ok());
  CHECK(closed->Sync(it.io, nullptr).ok());  // the second thread
  CHECK_FALSE(current->Sync(it.io, nullptr).ok());
  CHECK_FALSE(current->Append("c", it.io, nullptr).ok());
  CHECK_FALSE(table->Append("d", it.io, nullptr).ok());
  CHECK_FALSE(table->Sync(it.io, nullptr).ok());
  CHECK_FALSE(it.guard.RenameFile(it.path("3.sst"), it.path("4.sst"), it.io, nullptr).ok());
  CHECK_FALSE(it.guard.DeleteFile(it.path("3.sst"), it.io, nullptr).ok());
  std::unique_ptr<rocksdb::FSWritableFile> more;
  CHECK_FALSE(it.guard.NewWritableFile(it.path("5.sst"), {}, &more, nullptr).ok());
  it.guard.reset();
  CHECK(it.guard.NewWritableFile(it.path("5.sst"), {}, &more, nullptr).ok());
}

TEST_CASE("the current log reports its own failure", "[storage][fault]") {
  guarded it;
  const auto closed = it.make("1.log");
  const auto current = it.make("2.log");
  const auto what = GENERATE(operation::append, operation::sync);
  it.files->fail({what, "2.log", 1});
  const bool appended = current->Append("b", it.io, nullptr).ok();
  CHECK(appended == (what == operation::sync));
  CHECK_FALSE(current->Sync(it.io, nullptr).ok());
  CHECK(closed->Sync(it.io, nullptr).ok());
}

TEST_CASE("the copy of a log that a backup makes is no log of the store", "[storage][fault]") {
  guarded it;
  std::filesystem::create_directories(it.path("copy"));
  const auto log = it.make("1.log");
  REQUIRE(log->Append("abc", it.io, nullptr).ok());
  REQUIRE(log->Sync(it.io, nullptr).ok());
  const auto copy = it.make("copy/1.log");
  REQUIRE(copy->Append("ab", it.io, nullptr).ok());
  REQUIRE(copy->Sync(it.io, nullptr).ok());
  CHECK(it.guard.synced_log() == synced_file{"1.log", 3});
  it.files->fail({operation::append, "copy/1.log", 1});
  CHECK_FALSE(copy->Append("c", it.io, nullptr).ok());
  CHECK_FALSE(it.guard.failed());
  CHECK(log->Append("d", it.io, nullptr).ok());
  it.files->fail({operation::sync, "1.log", 1});
  CHECK_FALSE(log->Sync(it.io, nullptr).ok());  // it is still the current one
  CHECK(it.guard.failed());
}

TEST_CASE("a closed log that fails says so through the guard", "[storage][fault]") {
  guarded it;
  const auto closed = it.make("1.log");
  const auto current = it.make("2.log");
  REQUIRE(closed->Append("a", it.io, nullptr).ok());
  it.files->fail({operation::sync, "1.log", 1});
  CHECK(closed->Sync(it.io, nullptr).ok());
  CHECK(it.guard.failed());
  it.guard.reset();
  CHECK_FALSE(it.guard.failed());
}

TEST_CASE("what is appended while a sync runs is not counted as synced", "[storage][fault]") {
  guarded it;
  const auto log = it.make("1.log");
  REQUIRE(log->Append("abc", it.io, nullptr).ok());
  it.files->set_sync_hook([&](const std::string&) { REQUIRE(log->Append("defg", it.io, nullptr).ok()); });
  REQUIRE(log->Sync(it.io, nullptr).ok());
  it.files->set_sync_hook(nullptr);
  CHECK(it.guard.synced_log() == synced_file{"1.log", 3});
  REQUIRE(log->Sync(it.io, nullptr).ok());
  CHECK(it.guard.synced_log() == synced_file{"1.log", 7});
}

TEST_CASE("of two syncs that overlap the longer one counts", "[storage][fault]") {
  guarded it;
  const auto log = it.make("1.log");
  REQUIRE(log->Append("abc", it.io, nullptr).ok());
  bool inside = false;
  it.files->set_sync_hook([&](const std::string&) {
    if (std::exchange(inside, true)) return;
    CHECK(log->Append("defg", it.io, nullptr).ok());
    CHECK(log->Sync(it.io, nullptr).ok());
  });
  REQUIRE(log->Sync(it.io, nullptr).ok());
  it.files->set_sync_hook(nullptr);
  CHECK(it.guard.synced_log() == synced_file{"1.log", 7});
}

TEST_CASE("the newest log counts once something of it is synced", "[storage][fault]") {
  guarded it;
  const auto before = it.make("1.log");
  REQUIRE(before->Append("abc", it.io, nullptr).ok());
  REQUIRE(before->Sync(it.io, nullptr).ok());
  const auto log = it.make("2.log");
  CHECK(it.guard.synced_log() == synced_file{"1.log", 3});
  REQUIRE(log->Append("d", it.io, nullptr).ok());
  REQUIRE(log->Sync(it.io, nullptr).ok());
  CHECK(it.guard.synced_log() == synced_file{"2.log", 1});
  it.guard.reset();
  CHECK(it.guard.synced_log() == synced_file{"2.log", 1});
}

TEST_CASE("a manifest counts once CURRENT names it", "[storage][fault]") {
  guarded it;
  const auto name_it = [&] {
    it.make("7.dbtmp").reset();
    REQUIRE(it.guard.RenameFile(it.path("7.dbtmp"), it.path("CURRENT"), it.io, nullptr).ok());
  };
  const auto first = it.make("MANIFEST-000005");
  REQUIRE(first->Append("abc", it.io, nullptr).ok());
  REQUIRE(first->Sync(it.io, nullptr).ok());
  CHECK(it.guard.synced_manifest() == synced_file{});
  name_it();
  CHECK(it.guard.synced_manifest() == synced_file{"MANIFEST-000005", 3});
  REQUIRE(first->Append("de", it.io, nullptr).ok());
  CHECK(it.guard.synced_manifest() == synced_file{"MANIFEST-000005", 3});
  REQUIRE(first->Sync(it.io, nullptr).ok());
  CHECK(it.guard.synced_manifest() == synced_file{"MANIFEST-000005", 5});
  const auto second = it.make("MANIFEST-000007");
  REQUIRE(second->Append("x", it.io, nullptr).ok());
  REQUIRE(second->Sync(it.io, nullptr).ok());
  CHECK(it.guard.synced_manifest() == synced_file{"MANIFEST-000005", 5});
  name_it();
  CHECK(it.guard.synced_manifest() == synced_file{"MANIFEST-000007", 1});
  it.files->fail({operation::sync, "MANIFEST-000007", 1});
  REQUIRE(second->Append("yz", it.io, nullptr).ok());
  CHECK_FALSE(second->Sync(it.io, nullptr).ok());
  CHECK(it.guard.synced_manifest() == synced_file{"MANIFEST-000007", 1});
  CHECK_FALSE(it.guard.failed());
}

TEST_CASE("a table's failure is its own", "[storage][fault]") {
  guarded it;
  const auto log = it.make("1.log");
  const auto table = it.make("2.sst");
  it.files->fail({operation::sync, "2.sst", 1});
  CHECK_FALSE(table->Sync(it.io, nullptr).ok());
  CHECK(log->Append("a", it.io, nullptr).ok());
  CHECK(log->Sync(it.io, nullptr).ok());
}

}  // namespace social::storage::test
