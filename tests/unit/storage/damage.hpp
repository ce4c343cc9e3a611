// What the tests of opening share: a store with known contents, its files, and the look at a refusal.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

inline error refused(const storage_options& options) {
  auto opened = rocks_store::open(options);
  REQUIRE(!opened);
  INFO(opened.error().text());
  CHECK(opened.error().message.find(options.path.string()) != std::string::npos);
  return opened.error();
}

/// The file of the greatest name that contains `part`.
inline std::filesystem::path newest_of(const std::filesystem::path& store, std::string_view part) {
  std::filesystem::path found;
  for (const auto& entry : std::filesystem::directory_iterator(store))
    if (entry.path().filename().string().find(part) != std::string::npos && entry.path() > found) found = entry.path();
  REQUIRE(!found.empty());
  return found;
}

inline std::filesystem::path newest_log(const std::filesystem::path& store) {
  return newest_of(store, ".log");
}

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

inline void append(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::app) << bytes;
}

inline std::map<std::string, std::string> files_in(const std::filesystem::path& store) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(store))
    out[entry.path().filename().string()] = bytes_of(entry.path());
  return out;
}

/// A closed store whose rows 1 to 50 are in the log alone.
inline void fill(const storage_options& options) {
  const auto store = open_or_fail(options);
  for (std::uint64_t i = 1; i <= 50; ++i) REQUIRE(commit(*store, request(0, 1, i, std::string(200, 'v'))));
}

inline void check_all_there(const storage_options& options) {
  const auto store = open_or_fail(options);
  for (std::uint64_t i = 1; i <= 50; ++i) REQUIRE(row_of(*store, state_key(i)).has_value());
  CHECK(store->ports().log->head(0) == 50);
  REQUIRE(commit(*store, request(0, 1, 51, "more")).value() == 51);
}

/// Of the store of `fill`: refused as often as it is tried, and nothing is changed. `says`: what the sentence contains.
inline void check_damaged(const storage_options& options, std::string_view says) {
  const auto before = files_in(options.path);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto why = refused(options);
    CHECK(why.code == error_code::store_damaged);
    CHECK(why.message.find(says) != std::string::npos);
    CHECK(why.message.find("restore a backup") != std::string::npos);
    REQUIRE(files_in(options.path) == before);
  }
}

}  // namespace social::storage::test
