// power_cut_server: social-server, both roles, on a disk that loses power. Takes the options of social-server and:
//
//   --power.mode=drop|zero|tear  what becomes of bytes that were not synced (fault_file_system.hpp)
//   --power.seed=N
//   --power.at-sync              the cut waits for the next sync of the api store's log and comes before it
//   --power.at-start=N           the cut comes before the Nth sync of a file of the api store, while it recovers
//   --power.no-sync              broken on purpose: writes are acknowledged without fsync
//   --power.split-counts=N       broken on purpose: counts are committed in a batch of their own, after the rest; the
//                                end comes between the two batches of the Nth such command
//   --power.end=cut|kill         which end: power, or SIGKILL
//
// SIGUSR1 cuts the power. After a cut the process is gone at once, with exit code 40, and the directory holds what a
// disk would: a restart sees that.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

#include "config/command.hpp"
#include "config/compose/embedded/serve_both.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/support/split_counts_journal.hpp"
#include "tests/support/steered_program.hpp"

namespace {

using namespace social;

constexpr int exit_code_of_a_cut = 40;
/// A server without writes syncs nothing: then the cut does not wait.
constexpr unsigned wait_for_sync_s = 2;

struct options {
  test::power_cut mode = test::power_cut::drop;
  std::uint64_t seed = 1;
  bool at_sync = false;
  int at_start = 0;  ///< 0: when the signal comes
  bool no_sync = false;
  std::uint64_t split_counts = 0;  ///< 0: they are not split
  bool kill = false;
};

/// False: it is an option of social-server. Misspelt ones reach that and are refused there.
bool take(std::string_view word, options& into) {
  const auto value = word.substr(std::min(word.size(), word.find('=') + 1));
  const auto number = [&] { return std::stoull(std::string(value)); };
  if (word == "--power.mode=drop")
    into.mode = test::power_cut::drop;
  else if (word == "--power.mode=zero")
    into.mode = test::power_cut::zero;
  else if (word == "--power.mode=tear")
    into.mode = test::power_cut::tear;
  else if (word.starts_with("--power.seed="))
    into.seed = number();
  else if (word == "--power.at-sync")
    into.at_sync = true;
  else if (word.starts_with("--power.at-start="))
    into.at_start = static_cast<int>(number());
  else if (word == "--power.no-sync")
    into.no_sync = true;
  else if (word.starts_with("--power.split-counts="))
    into.split_counts = number();
  else if (word == "--power.end=cut" || word == "--power.end=kill")
    into.kill = word.ends_with("kill");
  else
    return false;
  return true;
}

/// Lives until the process ends.
class power {
 public:
  explicit power(const options& how) : how_(how), files_(test::fault_file_system::make()) {
    files_->set_sync_hook([this](const std::string& path) {
      if (path.find("/api/") == std::string::npos) return;
      if (++syncs_ == how_.at_start || (armed_ && path.ends_with(".log"))) cut();
    });
    test::steer_by_signals([this](int number) {
      if (number == SIGUSR1) end_soon();
    });
  }

  [[nodiscard]] std::shared_ptr<rocksdb::FileSystem> files() const { return files_; }

  /// Between two batches of one command.
  void end() {
    if (!how_.kill) cut();
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }

 private:
  [[noreturn]] void cut() {
    files_->cut_power(how_.mode, how_.seed);
    ::_exit(exit_code_of_a_cut);
  }
  void end_soon() {
    if (how_.at_sync) {
      armed_ = true;
      ::sleep(wait_for_sync_s);
    }
    cut();
  }

  const options how_;
  const std::shared_ptr<test::fault_file_system> files_;
  std::atomic<bool> armed_{false};
  std::atomic<int> syncs_{0};  // of files of the api store
};

compose::host_overrides overrides_of(const options& how, power& power) {
  compose::host_overrides out;
  out.store_options = [how, &power](const std::string&, storage::storage_options& store) {
    store.file_system = power.files();
    if (!how.no_sync) return;
    store.mode = storage::durability::async;
    store.sync_interval = std::chrono::hours(1);
  };
  if (how.split_counts == 0) return out;
  out.journal = [how, &power](const std::string& store, ports::journal& real) -> std::unique_ptr<ports::journal> {
    if (store != "api") return nullptr;
    return std::make_unique<test::split_counts_journal>(real, [how, &power](std::uint64_t split) {
      if (split == how.split_counts) power.end();
    });
  };
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  options how;
  auto words = test::words_left(argc, argv, [&](std::string_view word) { return take(word, how); });
  test::block_signals();
  auto& switches = *new power(how);  // its thread may still wait when main() returns
  return config::run_command(
      config::executable::server, static_cast<int>(words.size()), words.data(),
      {.serve = [&](const config::invocation& i) { return compose::serve_both(i, overrides_of(how, switches)); },
       .vapid_show = {},
       .vapid_rotate = {}});
}
