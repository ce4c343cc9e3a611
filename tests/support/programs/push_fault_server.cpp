// push_fault_server: social-server-push on a disk that fills up. Takes the options of social-server-push.
//
// SIGUSR1: from now on the disk is full. SIGUSR2: there is space again.
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "config/command.hpp"
#include "config/compose/push/serve_push.hpp"
#include "tests/support/fault_file_system.hpp"

namespace {

using namespace social;

/// Before any thread, so that all inherit it: the signals' own thread alone takes them, and the stop's alone its own.
void block_signals() {
  sigset_t all;
  sigemptyset(&all);
  for (const int number : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) sigaddset(&all, number);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

/// Never ends; `files` lives as long as the process.
void steer(test::fault_file_system& files) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigaddset(&wanted, SIGUSR2);
  while (true) {
    int number = 0;
    if (sigwait(&wanted, &number) != 0) continue;
    files.set_free_bytes(number == SIGUSR1 ? std::optional<std::uint64_t>(0) : std::nullopt);
  }
}

}  // namespace

int main(int argc, char** argv) {
  block_signals();
  auto& files =
      *new std::shared_ptr<test::fault_file_system>(test::fault_file_system::make());  // its thread never ends
  std::thread([&files] { steer(*files); }).detach();
  compose::host_overrides overrides;
  overrides.store_options = [&files](const std::string&, storage::storage_options& store) {
    store.file_system = files;
  };
  return config::run_command(config::executable::push, argc, argv,
                             {.serve = [&](const config::invocation& i) { return compose::serve_push(i, overrides); },
                              .vapid_show = {},
                              .vapid_rotate = {}});
}
