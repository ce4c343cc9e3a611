#include <atomic>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "config/data_directory.hpp"
#include "config/secret_file.hpp"
#include "tests/unit/config/fixture.hpp"
#include "tests/unit/config/temporary_directory.hpp"

namespace social::config {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::permissions;
using test::read_file;
using test::temporary_directory;
using test::write_file;

data_directory opened(const fs::path& root) {
  auto data = data_directory::open(root);
  INFO((data ? std::string() : std::string(data.error().text())));
  REQUIRE(data);
  return *data;
}

std::string refused(const fs::path& root) {
  const auto data = data_directory::open(root);
  REQUIRE_FALSE(data);
  CHECK(data.error().code == error_code::io_error);
  return std::string(data.error().text());
}

void write_secret(const fs::path& file, std::string_view content, unsigned mode = 0600) {
  write_file(file, content);
  fs::permissions(file, static_cast<fs::perms>(mode));
}

/// Names that are left in a directory, temporary ones included.
std::set<std::string> names_in(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& each : fs::directory_iterator(directory)) names.insert(each.path().filename().string());
  return names;
}

TEST_CASE("the data directory is made for its owner alone") {
  const temporary_directory place;
  const auto data = opened(place.path() / "new/data/");
  CHECK(data.root() == place.path() / "new/data");
  CHECK(names_in(data.root()) == std::set<std::string>{"api", "push", "run", "secrets"});
  CHECK(permissions(data.root()) == 0700);
  for (const auto* part : {"api", "push", "run", "secrets"}) CHECK(permissions(data.root() / part) == 0700);
  CHECK(names_in(data.root() / "run").empty());
  CHECK(opened(data.root()).root() == data.root());
}

TEST_CASE("an open directory is closed when it is ours, and refused when it is not") {
  const temporary_directory place;
  const auto empty = place.path() / "empty";
  fs::create_directory(empty);
  fs::permissions(empty, fs::perms(0755));
  opened(empty);
  CHECK(permissions(empty) == 0700);

  const auto home = place.path() / "home";
  write_file(home / "diary.txt", "dear");
  fs::permissions(home, fs::perms(0755));
  CHECK(contains(refused(home), "chmod 700"));
  CHECK(permissions(home) == 0755);
  CHECK(names_in(home) == std::set<std::string>{"diary.txt"});

  const auto shared = place.path() / "shared";
  fs::create_directory(shared);
  fs::permissions(shared, fs::perms(01777));
  CHECK(contains(refused(shared), "open to other users"));
}

TEST_CASE("a data directory that cannot be made is named") {
  const temporary_directory place;
  write_file(place.path() / "file", "");
  CHECK(contains(refused(place.path() / "file"), (place.path() / "file").string()));
  CHECK(contains(refused(place.path() / "file/data"), "--data"));
  write_file(place.path() / "data/run", "");
  fs::permissions(place.path() / "data", fs::perms(0700));
  CHECK(contains(refused(place.path() / "data"), "run cannot be made"));
}

TEST_CASE("secrets are made once, for their owner alone") {
  const temporary_directory place;
  const auto data = opened(place.path());
  const auto key = data.jwt_key(data.secrets() / "jwt.key");
  const auto token = data.admin_token();
  REQUIRE(key);
  REQUIRE(token);
  CHECK(key->size() == 64);
  CHECK(token->size() == 43);
  CHECK(token->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  CHECK(permissions(data.secrets() / "jwt.key") == 0600);
  CHECK(permissions(data.secrets() / "admin.token") == 0600);
  CHECK(names_in(data.secrets()) == std::set<std::string>{"admin.token", "jwt.key"});
  CHECK(*opened(place.path()).jwt_key(data.secrets() / "jwt.key") == *key);
  CHECK(*opened(place.path()).admin_token() == *token);
  const temporary_directory other;
  const auto elsewhere = opened(other.path());
  CHECK(*elsewhere.jwt_key(elsewhere.secrets() / "jwt.key") != *key);
  CHECK(*elsewhere.admin_token() != *token);
}

TEST_CASE("a key elsewhere is read and never made") {
  const temporary_directory place;
  const auto data = opened(place.path() / "data");
  const auto shared = place.path() / "shared.key";
  const auto missing = data.jwt_key(shared);
  REQUIRE_FALSE(missing);
  CHECK(contains(missing.error().text(), shared.string()));
  CHECK_FALSE(fs::exists(shared));
  write_secret(shared, std::string(64, 'k'));
  CHECK(data.jwt_key(shared).value() == std::string(64, 'k'));
  fs::create_symlink(shared, place.path() / "link.key");
  CHECK(data.jwt_key(place.path() / "link.key").value() == std::string(64, 'k'));
}

struct damage {
  std::string content;
  unsigned mode;
  std::string_view says;
};

TEST_CASE("a damaged key stops the start and stays as it is") {
  const auto table = {
      damage{"", 0600, "is empty"}, damage{std::string(63, 'k'), 0600, "has 63 bytes where at least 64 belong"},
      damage{std::string(64, 'k'), 0640, "chmod 600"}, damage{std::string(64, 'k'), 0604, "open to other users"},
      damage{std::string(secret_bytes_max + 1, 'k'), 0600, "too long"}};
  for (const auto& each : table) {
    const temporary_directory place;
    const auto data = opened(place.path());
    const auto file = data.secrets() / "jwt.key";
    write_secret(file, each.content, each.mode);
    const auto key = data.jwt_key(file);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == error_code::io_error);
    CHECK(contains(key.error().text(), each.says));
    CHECK(contains(key.error().text(), file.string()));
    CHECK(read_file(file) == each.content);
  }
}

TEST_CASE("a damaged token stops the start") {
  const temporary_directory place;
  const auto data = opened(place.path());
  const auto file = data.secrets() / "admin.token";
  write_secret(file, std::string(32, 't') + "\r\n");
  CHECK(data.admin_token().value() == std::string(32, 't'));
  for (const auto& wrong : {std::string(), std::string(31, 't'), std::string(31, 't') + "\n", std::string(40, ' ')}) {
    write_secret(file, wrong);
    const auto token = data.admin_token();
    REQUIRE_FALSE(token);
    CHECK(contains(token.error().text(), file.string()));
    CHECK(read_file(file) == wrong);
  }
}

TEST_CASE("what is no plain file is refused without waiting for it") {
  const temporary_directory place;
  const auto data = opened(place.path());
  const auto file = data.secrets() / "jwt.key";
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  CHECK(contains(data.jwt_key(file).error().text(), "not a plain file"));
  fs::remove(file);
  fs::create_directory(file);
  CHECK_FALSE(data.jwt_key(file));
  fs::remove(file);
  fs::create_symlink(place.path() / "nowhere", file);
  CHECK_FALSE(data.jwt_key(file));
  CHECK_FALSE(fs::exists(place.path() / "nowhere"));
}

TEST_CASE("threads that race for the first start end with the same secrets") {
  for (int round = 0; round < 20; ++round) {
    const temporary_directory place;
    constexpr int racers = 8;
    std::atomic<int> waiting{racers};
    std::array<std::string, racers> found;
    std::vector<std::thread> threads;
    threads.reserve(racers);
    for (int i = 0; i < racers; ++i)
      threads.emplace_back([&, i] {
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        const auto data = data_directory::open(place.path() / "data");
        if (!data) return;
        const auto key = data->jwt_key(data->secrets() / "jwt.key");
        const auto token = data->admin_token();
        if (key && token) found[static_cast<std::size_t>(i)] = *key + *token;
      });
    for (auto& each : threads) each.join();
    for (const auto& each : found) CHECK(each == found[0]);
    CHECK(found[0].size() == 64 + 43);
    CHECK(names_in(place.path() / "data/secrets") == std::set<std::string>{"admin.token", "jwt.key"});
  }
}

TEST_CASE("threads that race for an empty directory that is open to others all get it closed") {
  for (int round = 0; round < 300; ++round) {
    const temporary_directory place;
    const auto root = place.path() / "data";
    fs::create_directory(root);
    fs::permissions(root, fs::perms(0755));
    constexpr int racers = 4;
    std::atomic<int> waiting{racers};
    std::array<std::string, racers> refusals;
    std::vector<std::thread> threads;
    threads.reserve(racers);
    for (int i = 0; i < racers; ++i)
      threads.emplace_back([&, i] {
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        const auto data = data_directory::open(root);
        if (!data) refusals[static_cast<std::size_t>(i)] = data.error().text();
      });
    for (auto& each : threads) each.join();
    for (const auto& each : refusals) REQUIRE(each.empty());
    REQUIRE(permissions(root) == 0700);
  }
}

/// In a process of its own: writes the key it found to `report`.
pid_t start_racer(const fs::path& root, const fs::path& report, int gate) {
  const auto pid = ::fork();
  if (pid != 0) return pid;
  char go = 0;
  [[maybe_unused]] const auto opened_gate = ::read(gate, &go, 1);
  const auto data = data_directory::open(root);
  const auto key = data ? data->jwt_key(data->secrets() / "jwt.key") : data.error();
  if (key) std::ofstream(report, std::ios::binary) << *key;
  ::_exit(key ? 0 : 1);
}

TEST_CASE("processes that race for the first start end with the same key") {
  const temporary_directory place;
  int gate[2];
  REQUIRE(::pipe(gate) == 0);
  std::vector<pid_t> racers;
  racers.reserve(6);
  for (int i = 0; i < 6; ++i)
    racers.push_back(start_racer(place.path() / "data", place.path() / std::to_string(i), gate[0]));
  REQUIRE(::write(gate[1], "xxxxxx", 6) == 6);
  for (const auto pid : racers) {
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  const auto key = read_file(place.path() / "data/secrets/jwt.key");
  CHECK(key.size() == 64);
  for (int i = 0; i < 6; ++i) CHECK(read_file(place.path() / std::to_string(i)) == key);
  ::close(gate[0]);
  ::close(gate[1]);
}

TEST_CASE("the run file is there while the process serves") {
  const temporary_directory place;
  const auto data = opened(place.path());
  const auto file = data.root() / "run/social-server.json";
  write_file(file, "left by a crash");
  {
    auto announced = data.announce("social-server", "{\"ready\":{}}\n");
    REQUIRE(announced);
    CHECK(read_file(file) == "{\"ready\":{}}\n");
    CHECK(permissions(file) == 0600);
    const auto moved = std::move(*announced);
    CHECK(fs::exists(file));
  }
  CHECK_FALSE(fs::exists(file));
  CHECK(names_in(data.root() / "run").empty());
}

}  // namespace
}  // namespace social::config
