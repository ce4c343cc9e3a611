// A backup is restored whole into an empty directory, or that stays as it was.
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "config/backup/restore.hpp"
#include "config/data_directory.hpp"
#include "tests/unit/config/backup/fixture.hpp"

namespace social::backup::test {
namespace {

struct restored_world : world {
  restored_world() { REQUIRE(make({store("push"), store("api", {{"000012.sst", "table"}})})); }
  [[nodiscard]] fs::path fresh() const { return directory.path() / "new"; }
  result<manifest> restore(const prepare_store& prepare = [](const fs::path&, std::uint64_t) -> result<void> {
    return {};
  }) {
    return restore_backup(target(), fresh(), prepare);
  }
};

}  // namespace

TEST_CASE("a restore brings back every file, and each store is prepared", "[backup]") {
  restored_world w;
  std::vector<std::string> prepared;
  SECTION("into a new directory") {}
  SECTION("into an empty one") {
    fs::create_directory(w.fresh());
  }
  const auto done = w.restore([&](const fs::path& store, std::uint64_t shards) -> result<void> {
    CHECK(shards == 64);
    CHECK(fs::exists(w.fresh() / config::restore_marker));
    prepared.push_back(store.filename());
    return {};
  });
  REQUIRE(done);
  CHECK(prepared == std::vector<std::string>{"push", "api"});
  auto expected = files_below(w.target());
  expected.erase("manifest.json");
  CHECK(files_below(w.fresh()) == expected);
  CHECK(permissions(w.fresh()) == 0700);
  for (const auto& [name, content] : expected) CHECK(permissions(w.fresh() / name) == 0600);
  CHECK(config::data_directory::open(w.fresh()));
}

TEST_CASE("a restore replaces nothing", "[backup]") {
  restored_world w;
  write_file(w.fresh() / "letter.txt", "dear");
  const auto done = w.restore();
  REQUIRE(done.has_error());
  CHECK(done.error().code == error_code::io_error);
  CHECK(files_below(w.fresh()) == std::map<std::string, std::string>{{"letter.txt", "dear"}});
  fs::remove_all(w.fresh());
  write_file(w.fresh(), "a file");
  CHECK(w.restore().has_error());
}

TEST_CASE("a damaged backup is refused, and the data directory stays as it was", "[backup]") {
  restored_world w;
  const auto table = w.target() / "api" / "000012.sst";
  SECTION("a file is missing") {
    fs::remove(table);
  }
  SECTION("a file is shorter") {
    fs::resize_file(table, 2);
  }
  SECTION("a file was altered") {
    write_file(table, "tablE");
  }
  SECTION("a key was altered") {
    write_file(w.target() / "secrets" / "vapid" / "key-0001.pem", "mep");
  }
  SECTION("a file is a directory") {
    fs::remove(table);
    fs::create_directory(table);
  }
  SECTION("the manifest is missing") {
    fs::remove(w.target() / manifest_name);
  }
  SECTION("the manifest was altered") {
    write_file(w.target() / manifest_name, "{}");
  }
  for (const bool was_there : {false, true}) {
    if (was_there) fs::create_directory(w.fresh());
    const auto done = w.restore();
    REQUIRE(done.has_error());
    CHECK(done.error().code == error_code::store_damaged);
    CHECK(done.error().message.find(w.target().string()) != std::string::npos);
    CHECK(fs::exists(w.fresh()) == was_there);
    CHECK((!was_there || fs::is_empty(w.fresh())));
  }
}

TEST_CASE("a store that cannot be prepared takes the restore back", "[backup]") {
  restored_world w;
  const auto done = w.restore(
      [](const fs::path&, std::uint64_t) -> result<void> { return error{error_code::store_mismatch, "too new"}; });
  REQUIRE(done.has_error());
  CHECK(done.error().code == error_code::store_mismatch);
  CHECK_FALSE(fs::exists(w.fresh()));
}

TEST_CASE("on a directory whose restore was killed nothing starts, and nothing is restored", "[backup]") {
  restored_world w;
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    [[maybe_unused]] const auto never = w.restore([](const fs::path&, std::uint64_t) -> result<void> {
      ::kill(::getpid(), SIGKILL);
      return {};
    });
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  const auto opened = config::data_directory::open(w.fresh());
  REQUIRE(opened.has_error());
  CHECK(opened.error().message.find("did not finish") != std::string::npos);
  const auto again = w.restore();
  REQUIRE(again.has_error());
  CHECK(again.error().message.find("did not finish") != std::string::npos);
  fs::remove_all(w.fresh());
  CHECK(w.restore());
}

}  // namespace social::backup::test
