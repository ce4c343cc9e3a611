// What a process owes its surroundings: exit codes, the ready line, and an end when it is told to end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>

#include "actors/base/error.hpp"
#include "config/settings.hpp"

namespace social::config {

/// Frozen: scripts and service managers rely on them.
enum class exit_code : int {
  done = 0,
  fatal = 1,           ///< failed while running
  usage = 2,           ///< usage or configuration
  data_directory = 3,  ///< unusable: locked, damaged, of another shard count or a newer version
};

exit_code exit_code_of(const error& why) noexcept;

/// Says the error's sentence on stderr at once and gives the code to end with.
exit_code fail(const error& why);

/// What the ready line says; a role that is not served is absent.
struct ready_info {
  std::optional<std::string> api_url;
  std::optional<std::string> admin_url;
  roles served;
  pid_t pid = 0;
};

/// `{"ready":{"api":"http://127.0.0.1:8080","admin":"http://127.0.0.1:9090","roles":["api","push"],"pid":4711}}`
/// and a line end.
std::string ready_line(const ready_info& info);

/// To stdout, in one write and past every buffer. A stdout that is closed is nobody's loss: false.
bool print_line(std::string_view line);

/// Names the part of an orderly stop that is under way, for the line that says that the stop took too long.
void set_part_under_way(std::string_view part);

/// Turns SIGTERM and SIGINT into an orderly stop that cannot hang: from the first signal on the process has `deadline`
/// to end by itself, then it is ended with exit code 1; a second signal ends it at once. Also ignores SIGPIPE, because
/// a peer that goes away is an error of its connection, not of the process.
///
/// Made first in main(), before any other thread, because threads inherit the blocked signals; destroyed last. It has a
/// thread of its own, which nothing else can block.
class stop_control {
 public:
  using ending = std::function<void(exit_code)>;

  /// `end_now` ends the process without running destructors; only tests give another one.
  explicit stop_control(std::chrono::milliseconds deadline, ending end_now = {});
  ~stop_control();
  stop_control(const stop_control&) = delete;
  stop_control& operator=(const stop_control&) = delete;

  /// From any thread: something cannot go on. Starts the same deadline; only the first reason is
  /// kept, and a first signal after it changes nothing.
  void request_stop(exit_code why);

  /// Blocks until a signal or request_stop(); then the caller stops everything in order and returns this code.
  exit_code wait();

  /// What wait() would return, without waiting.
  [[nodiscard]] std::optional<exit_code> requested() const;

 private:
  void run();
  void begin(exit_code why);
  void end(std::string_view why);
  [[nodiscard]] int wait_ms() const;

  const std::chrono::milliseconds deadline_;
  const ending end_now_;
  sigset_t former_mask_{};
  int signal_fd_ = -1;
  int wake_fd_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable begun_;
  std::optional<exit_code> why_;                  // under mutex_
  std::chrono::steady_clock::time_point end_at_;  // under mutex_, set with why_
  bool leave_ = false;                            // under mutex_: the destructor waits
  std::thread thread_;
};

}  // namespace social::config
