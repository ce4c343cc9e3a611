// A backup appears whole under its name, or not at all.
#include <csignal>
#include <optional>
#include <sys/resource.h>

#include "actors/base/digest_stream.hpp"
#include "tests/unit/config/backup/fixture.hpp"

namespace social::backup::test {
namespace {

/// Files may not grow beyond this while it lives: what a full disk looks like to one write.
class small_files {
 public:
  explicit small_files(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~small_files() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  small_files(const small_files&) = delete;
  small_files& operator=(const small_files&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a backup holds the stores, the secrets, and a manifest of both", "[backup]") {
  world w;
  const std::string table(std::size_t{9} << 20, 'x');
  const auto made = w.make({w.store("push"), w.store("api", {{"CURRENT", "MANIFEST-7"}, {"000012.sst", table}})});
  REQUIRE(made);
  const auto files = files_below(w.target());
  CHECK(files.size() == 7);
  CHECK(files.at("api/000012.sst") == table);
  CHECK(files.at("push/CURRENT") == "MANIFEST-1");
  CHECK(files.at("secrets/jwt.key") == std::string(64, 'j'));
  CHECK(files.at("secrets/admin.token") == std::string(43, 't'));
  CHECK(files.at("secrets/vapid/key-0001.pem") == "pem");
  CHECK(read_manifest(w.target()).value() == *made);
  CHECK(made->files.size() == 6);
  for (const auto& file : made->files) {
    CHECK(file.sha256 == to_hex(sha256(files.at(file.path))));
    CHECK(permissions(w.target() / file.path) == 0600);
  }
  for (const auto* directory : {"", "api", "push", "secrets", "secrets/vapid"})
    CHECK(permissions(w.target() / directory) == 0700);
  CHECK(made->stores == std::vector<store_entry>{{"push", "id-of-push", 64}, {"api", "id-of-api", 64}});
  CHECK(fs::is_empty(w.data() / "run"));
  CHECK(w.entries() == 2);
}

TEST_CASE("keys that the operator keeps elsewhere are in the backup, too", "[backup]") {
  world w;
  const auto elsewhere = w.directory.path() / "keys";
  write_file(elsewhere / "jwt", std::string(64, 'e'));
  write_file(elsewhere / "vapid" / "key-0003.pem", "third");
  const auto made = make_backup({w.store("api")}, {w.data(), elsewhere / "jwt", elsewhere / "vapid"}, w.target(),
                                [] { return true; });
  REQUIRE(made);
  const auto files = files_below(w.target() / "secrets");
  CHECK(files.at("jwt.key") == std::string(64, 'e'));
  CHECK(files.at("vapid/key-0003.pem") == "third");
}

TEST_CASE("a backup is made in a new or an empty directory outside of the data", "[backup]") {
  world w;
  const auto code_of = [&](const fs::path& where) {
    const auto made = make_backup({w.store("api")}, w.from(), where, [] { return true; });
    return made ? std::string("made") : std::string(describe(made.error().code).word);
  };
  CHECK(code_of("backup") == "invalid_input");
  CHECK(code_of("./backup") == "invalid_input");
  CHECK(code_of("") == "invalid_input");
  CHECK(code_of("/") == "invalid_input");
  CHECK(code_of(w.directory.path() / "missing" / "backup") == "invalid_input");
  CHECK(code_of(w.data()) == "invalid_input");
  CHECK(code_of(w.data() / "backup") == "invalid_input");
  fs::create_symlink(w.data(), w.directory.path() / "link");
  CHECK(code_of(w.directory.path() / "link" / "backup") == "invalid_input");
  fs::remove(w.directory.path() / "link");
  write_file(w.target() / "letter.txt", "dear");
  CHECK(code_of(w.target()) == "invalid_input");
  write_file(w.directory.path() / "file", "");
  CHECK(code_of(w.directory.path() / "file") == "invalid_input");
  CHECK(w.frozen.empty());
  CHECK(files_below(w.target()) == std::map<std::string, std::string>{{"letter.txt", "dear"}});
  fs::create_directory(w.directory.path() / "empty");
  CHECK(code_of(w.directory.path() / "empty/") == "made");
  CHECK(code_of(w.directory.path() / "empty") == "invalid_input");  // a second time
}

TEST_CASE("of a backup that fails nothing is left, neither there nor in the data directory", "[backup]") {
  world w;
  SECTION("a store cannot be copied") {
    source broken{{"api", "id", 64}, [](const fs::path& to) -> result<void> {
                    write_file(to.parent_path() / "store.tmp" / "000001.sst", "half");
                    return error{error_code::io_error, "the disk is gone"};
                  }};
    const auto made = w.make({w.store("push"), std::move(broken)});
    REQUIRE(made.has_error());
    CHECK(made.error().message == "the disk is gone");
  }
  SECTION("the disk is full") {
    std::optional<small_files> limit;
    const auto made = w.make({{{"api", "id", 64}, [&](const fs::path& to) -> result<void> {
                                 write_file(to / "000001.sst", std::string(std::size_t{1} << 20, 'x'));
                                 limit.emplace(std::size_t{1} << 19);
                                 return {};
                               }}});
    REQUIRE(made.has_error());
    CHECK(made.error().code == error_code::io_error);
    CHECK(made.error().message.find("File too large") != std::string::npos);
  }
  SECTION("the process stops") {
    const auto made = make_backup({w.store("api")}, w.from(), w.target(), [] { return false; });
    REQUIRE(made.has_error());
    CHECK(made.error().code == error_code::shutting_down);
  }
  CHECK(w.entries() == 1);
  CHECK(fs::is_empty(w.data() / "run"));
}

TEST_CASE("what a killed backup left in the data directory goes with the next one", "[backup]") {
  world w;
  write_file(w.data() / "run" / "backup-api" / "store" / "000099.sst", "old");
  REQUIRE(w.make({w.store("api")}));
  CHECK(files_below(w.target() / "api").size() == 1);
  CHECK(fs::is_empty(w.data() / "run"));
}

TEST_CASE("the backups of two processes become one", "[backup]") {
  world w;
  const auto part = [&](const std::string& name) { return w.directory.path() / ("." + name); };
  const auto push = make_backup({w.store("push")}, w.from(), part("push"), [] { return true; });
  const auto api = make_backup({w.store("api")}, w.from(), part("api"), [] { return true; });
  REQUIRE((push && api));
  const auto whole = merge_backups({part("push"), part("api")}, w.target());
  REQUIRE(whole);
  CHECK(read_manifest(w.target()).value() == *whole);
  CHECK(whole->time == push->time);
  CHECK(whole->stores.size() == 2);
  CHECK(files_below(w.target()).size() == whole->files.size() + 1);
  for (const auto& file : whole->files) CHECK(file.sha256 == to_hex(sha256(read_file(w.target() / file.path))));
  CHECK(w.entries() == 2);
}

}  // namespace social::backup::test
