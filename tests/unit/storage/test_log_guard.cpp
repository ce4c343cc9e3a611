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
  log_guard guard{files};
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
