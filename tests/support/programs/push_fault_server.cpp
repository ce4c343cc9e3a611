// push_fault_server: social-server-push on a disk that fills up. Takes the options of social-server-push.
//
// SIGUSR1: from now on the disk is full. SIGUSR2: there is space again.
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/command.hpp"
#include "config/compose/push/serve_push.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/support/steered_program.hpp"

namespace {

using namespace social;

}  // namespace

int main(int argc, char** argv) {
  test::block_signals();
  auto& files =
      *new std::shared_ptr<test::fault_file_system>(test::fault_file_system::make());  // its thread never ends
  test::steer_by_signals([&files](int number) {
    files->set_free_bytes(number == SIGUSR1 ? std::optional<std::uint64_t>(0) : std::nullopt);
  });
  compose::host_overrides overrides;
  overrides.store_options = [&files](const std::string&, storage::storage_options& store) {
    store.file_system = files;
  };
  return config::run_command(config::executable::push, argc, argv,
                             {.serve = [&](const config::invocation& i) { return compose::serve_push(i, overrides); },
                              .vapid_show = {},
                              .vapid_rotate = {}});
}
