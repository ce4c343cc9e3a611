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

TEST_CASE("on the disk of the server a backup leaves it room", "[backup]") {
  world w;
  const auto mib = [](std::uint64_t count) { return count << 20; };
  std::uint64_t free = 0;
  bool is_one = true;
  const disk_view disks{[&](const fs::path&) { return result<std::uint64_t>(free); },
                        [&](const fs::path&, const fs::path&) { return is_one; }};
  const auto make = [&] {
    return make_backup(
        {w.store("api", {{"000001.sst", std::string(mib(1), 'x')}})}, w.from(), w.target(), [] { return true; }, disks);
  };
  constexpr std::uint64_t own = std::uint64_t{5} << 20;  // the store, and what a file system adds
  SECTION("at the limit it is made") {
    free = own + live_reserve_bytes_min;
    CHECK(make());
    return;
  }
  SECTION("on another disk nothing is kept free") {
    is_one = false;
    free = own;
    CHECK(make());
    return;
  }
  SECTION("a byte less is too little") {
    free = own + live_reserve_bytes_min - 1;
    const auto made = make();
    REQUIRE(made.has_error());
    CHECK(made.error().code == error_code::io_error);
    CHECK(made.error().message.find("the running server") != std::string::npos);
    CHECK(made.error().message.find(std::to_string(free) + " are free") != std::string::npos);
  }
  SECTION("on another disk, too") {
    is_one = false;
    free = own - 1;
    const auto made = make();
    REQUIRE(made.has_error());
    CHECK(made.error().message.find("no room") != std::string::npos);
  }
  CHECK(w.entries() == 1);
  CHECK(fs::is_empty(w.data() / "run"));
}

TEST_CASE("a backup gives up when the disk of the server fills meanwhile", "[backup]") {
  world w;
  std::uint64_t looks = 0;
  std::uint64_t left = live_reserve_bytes_min / 2;
  const disk_view disks{
      [&](const fs::path&) { return result<std::uint64_t>(++looks < 4 ? std::uint64_t{1} << 40 : left); },
      [](const fs::path&, const fs::path&) { return true; }};
  const auto make = [&] {
    return make_backup(
        {w.store("api", {{"000001.sst", std::string(std::size_t{9} << 20, 'x')}})}, w.from(), w.target(),
        [] { return true; }, disks);
  };
  SECTION("half of the reserve is enough") {
    CHECK(make());
  }
  SECTION("a byte less is not") {
    --left;
    const auto made = make();
    REQUIRE(made.has_error());
    CHECK(made.error().code == error_code::io_error);
    CHECK(made.error().message.find("the disk filled while it was made") != std::string::npos);
    CHECK(looks == 4);  // at once, in the middle of a file
    CHECK(w.entries() == 1);
    CHECK(fs::is_empty(w.data() / "run"));
  }
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

TEST_CASE("of two processes each knows its own places: the whole has the keys of both", "[backup]") {
  world w;
  fs::remove_all(w.data() / "secrets" / "vapid");
  fs::remove(w.data() / "secrets" / "jwt.key");
  const auto elsewhere = w.directory.path() / "elsewhere";
  write_file(elsewhere / "vapid" / "key-0001.pem", "of the devices");
  write_file(elsewhere / "vapid" / "key-0002.pem", "of the devices, too");
  write_file(elsewhere / "jwt", std::string(64, 'e'));
  const auto part = [&](const std::string& name) { return w.directory.path() / ("." + name); };
  const auto usual = w.data() / "secrets";
  SECTION("the api sees no keys of pushes") {}
  SECTION("the api sees keys of pushes that nobody uses") {
    write_file(usual / "vapid" / "key-0001.pem", "a leftover");
  }
  const places of_push{w.data(), {}, elsewhere / "vapid"};
  const places of_api{w.data(), elsewhere / "jwt", usual / "vapid"};
  REQUIRE(make_backup({w.store("push")}, of_push, part("push"), [] { return true; }));
  REQUIRE(make_backup({w.store("api")}, of_api, part("api"), [] { return true; }));
  const auto whole = merge_backups({part("push"), part("api")}, w.target());
  REQUIRE(whole);
  const auto files = files_below(w.target());
  REQUIRE(files.contains("secrets/vapid/key-0001.pem"));
  CHECK(files.at("secrets/vapid/key-0001.pem") == "of the devices");
  CHECK(files.at("secrets/vapid/key-0002.pem") == "of the devices, too");
  CHECK(files.at("secrets/jwt.key") == std::string(64, 'e'));
  CHECK(files.at("secrets/admin.token") == std::string(43, 't'));
  CHECK(read_manifest(w.target()).value() == *whole);
  CHECK(files.size() == whole->files.size() + 1);  // each once
  for (const auto& file : whole->files) CHECK(file.sha256 == to_hex(sha256(files.at(file.path))));
  CHECK(permissions(w.target() / "secrets" / "vapid") == 0700);
}

}  // namespace social::backup::test
