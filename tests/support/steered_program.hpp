// What programs share that tests steer by signals: social-server and its parts on a disk that a test commands.
#pragma once

#include <csignal>
#include <functional>
#include <initializer_list>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace social::test {

inline sigset_t signals(std::initializer_list<int> numbers) {
  sigset_t out;
  sigemptyset(&out);
  for (const int number : numbers) sigaddset(&out, number);
  return out;
}

/// Before any thread, so that all inherit it: the steering thread alone takes SIGUSR1 and SIGUSR2, and the stop's alone
/// its own.
inline void block_signals() {
  const auto all = signals({SIGUSR1, SIGUSR2, SIGTERM, SIGINT});
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

/// Runs `on` with SIGUSR1 or SIGUSR2 on a thread that never ends: what it uses lives as long as the process.
inline void steer_by_signals(std::function<void(int)> on) {
  std::thread([on = std::move(on)] {
    const auto wanted = signals({SIGUSR1, SIGUSR2});
    while (true)
      if (int number = 0; sigwait(&wanted, &number) == 0) on(number);
  }).detach();
}

/// The words of the command line that `take` leaves.
inline std::vector<const char*> words_left(int argc, char** argv, const std::function<bool(std::string_view)>& take) {
  std::vector<const char*> words;
  for (int i = 0; i < argc; ++i)
    if (!take(argv[i])) words.push_back(argv[i]);
  return words;
}

}  // namespace social::test
