// A process' directories with made-up stores: what is in a store's files is nothing to backups.
#pragma once

#include <map>

#include "config/backup/make.hpp"
#include "tests/unit/config/temporary_directory.hpp"

namespace social::backup::test {

namespace fs = std::filesystem;
using config::test::permissions;
using config::test::read_file;
using config::test::temporary_directory;
using config::test::write_file;

inline std::map<std::string, std::string> files_below(const fs::path& root) {
  std::map<std::string, std::string> found;
  for (const auto& each : fs::recursive_directory_iterator(root))
    if (each.is_regular_file()) found[each.path().lexically_relative(root).string()] = read_file(each.path());
  return found;
}

struct world {
  world() {
    write_file(data() / "secrets" / "jwt.key", std::string(64, 'j'));
    write_file(data() / "secrets" / "admin.token", std::string(43, 't'));
    write_file(data() / "secrets" / "vapid" / "key-0001.pem", "pem");
    write_file(data() / "secrets" / ".jwt.key.x1y2z3", "of a process that is making it");
    fs::create_directories(data() / "run");
  }
  [[nodiscard]] fs::path data() const { return directory.path() / "data"; }
  [[nodiscard]] fs::path target() const { return directory.path() / "backup"; }
  [[nodiscard]] places from() const { return {data(), data() / "secrets" / "jwt.key", data() / "secrets" / "vapid"}; }

  /// A store that is copied as these files; its name is written down when it is.
  source store(const std::string& name, std::map<std::string, std::string> files = {{"CURRENT", "MANIFEST-1"}}) {
    return {{name, "id-of-" + name, 64}, [this, name, files](const fs::path& to) -> result<void> {
              frozen.push_back(name);
              for (const auto& [file, content] : files) write_file(to / file, content);
              return {};
            }};
  }
  result<manifest> make(std::vector<source> stores) {
    return make_backup(stores, from(), target(), [] { return true; });
  }
  /// Besides `data` and what is expected, nothing lies about.
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()));
  }

  temporary_directory directory;
  std::vector<std::string> frozen;
};

}  // namespace social::backup::test
