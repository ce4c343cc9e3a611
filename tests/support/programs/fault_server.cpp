// fault_server: social-server, both roles, on a disk that fails and comes back. Takes the options of social-server and:
//
//   --fault.kind=full    there is no space left
//   --fault.kind=append  every write is an I/O error
//   --fault.kind=sync    every fsync is an I/O error; what was written may still be read
//   --fault.kind=lost    as sync, and what was not synced is gone
//   --fault.once         one operation of the api store's log fails, and the disk is well again
//
// SIGUSR1: the disk fails from now on. SIGUSR2: it is well again.
#include <csignal>
#include <memory>
#include <optional>
#include <string_view>

#include "config/command.hpp"
#include "config/compose/embedded/serve_both.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/support/steered_program.hpp"

namespace {

using namespace social;

enum class fault_kind : std::uint8_t { full, append, sync, lost };

struct options {
  fault_kind kind = fault_kind::sync;
  bool once = false;
};

/// False: it is an option of social-server. Misspelt ones reach that and are refused there.
bool take(std::string_view word, options& into) {
  if (word == "--fault.kind=full")
    into.kind = fault_kind::full;
  else if (word == "--fault.kind=append")
    into.kind = fault_kind::append;
  else if (word == "--fault.kind=sync")
    into.kind = fault_kind::sync;
  else if (word == "--fault.kind=lost")
    into.kind = fault_kind::lost;
  else if (word == "--fault.once")
    into.once = true;
  else
    return false;
  return true;
}

void break_disk(test::fault_file_system& files, const options& how) {
  if (how.kind == fault_kind::full) return files.set_free_bytes(0);
  const auto what = how.kind == fault_kind::append ? test::operation::append : test::operation::sync;
  const bool loses = how.kind == fault_kind::lost;
  // A pattern is a part of a path: the logs of the api store are numbered from 0 on.
  if (how.once) return files.fail({what, "/api/0", 1, loses});
  files.fail({what, "", 0, loses});
}

void mend_disk(test::fault_file_system& files) {
  files.clear_faults();
  files.set_free_bytes(std::nullopt);
}

}  // namespace

int main(int argc, char** argv) {
  options how;
  auto words = test::words_left(argc, argv, [&](std::string_view word) { return take(word, how); });
  test::block_signals();
  auto& files =
      *new std::shared_ptr<test::fault_file_system>(test::fault_file_system::make());  // its thread never ends
  test::steer_by_signals([&files, how](int number) {
    if (number == SIGUSR1)
      break_disk(*files, how);
    else
      mend_disk(*files);
  });
  compose::host_overrides overrides;
  overrides.store_options = [&files](const std::string&, storage::storage_options& store) {
    store.file_system = files;
  };
  return config::run_command(config::executable::server, static_cast<int>(words.size()), words.data(),
                             {.serve = [&](const config::invocation& i) { return compose::serve_both(i, overrides); },
                              .vapid_show = {},
                              .vapid_rotate = {}});
}
