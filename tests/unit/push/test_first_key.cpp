// No key is made while devices wait for one that is missing.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "actors/push/first_key.hpp"
#include "actors/push/vapid.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_store.hpp"

namespace social::push {
namespace {

namespace fs = std::filesystem;

struct world {
  world() {
    std::string name = (fs::temp_directory_path() / "first-key-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
    at = {root / "keys", root / "data" / "secrets" / "vapid", root / "data" / "push"};
  }
  ~world() { fs::remove_all(root); }
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  void have_device() { store.put_bytes({domain::table::subscriber_user, 66, 0, {}}, ""); }
  [[nodiscard]] auto open() const {
    return vapid_keys::open(at.wanted, [this] { return check_first_key(store, at); });
  }
  [[nodiscard]] std::string refused() const {
    const auto opened = open();
    REQUIRE(opened.has_error());
    CHECK(opened.error().code == error_code::io_error);
    return std::string(opened.error().text());
  }

  fs::path root;
  key_places at;
  test::memory_store store{shard_t{2}};
};

bool contains(const std::string& text, const fs::path& part) {
  UNSCOPED_INFO("'" << text << "' should contain '" << part.string() << "'");
  return text.find(part.string()) != std::string::npos;
}

}  // namespace

TEST_CASE("without devices the first start makes a key, and those that share the directory use it", "[push][vapid]") {
  world w;
  const auto made = w.open();
  REQUIRE(made);
  w.have_device();  // another process, whose store knows devices already
  const auto found = w.open();
  REQUIRE(found);
  CHECK((*found)->current().id == (*made)->current().id);
}

TEST_CASE("with devices no key is made where there is none, and nothing else either", "[push][vapid]") {
  world w;
  w.have_device();
  SECTION("the directory is missing") {
    const auto said = w.refused();
    CHECK(contains(said, w.at.wanted));
    CHECK(contains(said, w.at.store));
    CHECK_FALSE(fs::exists(w.at.wanted));
  }
  SECTION("the directory is empty") {
    fs::create_directories(w.at.wanted);
    CHECK(contains(w.refused(), "from secrets/vapid of a backup"));
    CHECK(fs::is_empty(w.at.wanted));
  }
  SECTION("a restore has put the keys below the data directory") {
    REQUIRE(vapid_keys::open(w.at.usual));
    const auto said = w.refused();
    CHECK(contains(said, "copy the files key-*.pem of " + w.at.usual.string()));
    CHECK_FALSE(fs::exists(w.at.wanted));
    fs::copy(w.at.usual, w.at.wanted);
    CHECK(w.open());
  }
  SECTION("they were below the data directory and are gone") {
    w.at.wanted = w.at.usual;
    CHECK(contains(w.refused(), "from secrets/vapid of a backup"));
    CHECK_FALSE(fs::exists(w.at.usual));
  }
}

TEST_CASE("a store that cannot be read makes no key", "[push][vapid]") {
  world w;
  w.store.fail_reads(error{error_code::io_error, "the disk is gone"});
  CHECK(contains(w.refused(), "the disk is gone"));
  CHECK_FALSE(fs::exists(w.at.wanted));
}

TEST_CASE("a command makes a key only where no store is", "[push][vapid]") {
  const world w;
  CHECK(check_first_key_of_command(false, w.at));
  const auto refusal = check_first_key_of_command(true, w.at);
  REQUIRE(refusal.has_error());
  CHECK(contains(std::string(refusal.error().text()), "the start of a server makes one"));
}

}  // namespace social::push
