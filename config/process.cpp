#include "config/process.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "actors/base/json_writer.hpp"
#include "config/logging.hpp"

namespace social::config {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

/// Of the process, like its end.
struct {
  std::mutex mutex;
  std::string part;
} stopping;

std::string part_under_way() {
  const std::lock_guard lock(stopping.mutex);
  return stopping.part;
}

}  // namespace

void set_part_under_way(std::string_view part) {
  const std::lock_guard lock(stopping.mutex);
  stopping.part = part;
}

exit_code exit_code_of(const error& why) noexcept {
  switch (why.code) {
    case error_code::invalid_input:
      return exit_code::usage;
    case error_code::corrupt_record:
    case error_code::store_locked:
    case error_code::store_damaged:
    case error_code::store_mismatch:
    case error_code::io_error:
      return exit_code::data_directory;
    default:
      return exit_code::fatal;
  }
}

exit_code fail(const error& why) {
  const auto code = exit_code_of(why);
  log_at_once(log::level::error, "process", why.text(), {{"exit_code", static_cast<int>(code)}});
  return code;
}

std::string ready_line(const ready_info& info) {
  std::string line;
  json_writer json(line);
  json.begin_object().key("ready").begin_object();
  json.member_if("api", info.api_url).member_if("admin", info.admin_url);
  json.key("roles").begin_array();
  if (info.served.api) json.value("api");
  if (info.served.push) json.value("push");
  json.end_array().member("pid", static_cast<std::int64_t>(info.pid)).end_object().end_object();
  line.push_back('\n');
  return line;
}

bool print_line(std::string_view line) {
  while (!line.empty()) {
    const auto written = ::write(STDOUT_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

stop_control::stop_control(std::chrono::milliseconds deadline, ending end_now)
    : deadline_(deadline),
      end_now_(end_now ? std::move(end_now) : [](exit_code code) { _exit(static_cast<int>(code)); }) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, &former_mask_);
  signal_fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  // Without them nothing could stop this process in order; they fail only when the process starts without descriptors.
  if (signal_fd_ < 0 || wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "signal descriptors");
  thread_ = std::thread([this] { run(); });
}

stop_control::~stop_control() {
  {
    const std::lock_guard lock(mutex_);
    leave_ = true;
  }
  ::eventfd_write(wake_fd_, 1);
  thread_.join();
  // What came meanwhile is done with; from here on a signal ends the process the plain way.
  signalfd_siginfo info{};
  while (::read(signal_fd_, &info, sizeof info) > 0) {
  }
  ::close(signal_fd_);
  ::close(wake_fd_);
  pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
}

void stop_control::request_stop(exit_code why) {
  begin(why);
  ::eventfd_write(wake_fd_, 1);  // the deadline is new to the thread
}

exit_code stop_control::wait() {
  std::unique_lock lock(mutex_);
  begun_.wait(lock, [this] { return why_.has_value(); });
  return *why_;
}

std::optional<exit_code> stop_control::requested() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

void stop_control::begin(exit_code why) {
  {
    const std::lock_guard lock(mutex_);
    if (why_) return;
    why_ = why;
    end_at_ = std::chrono::steady_clock::now() + deadline_;
  }
  begun_.notify_all();
}

/// Until the deadline; -1 while nobody wants an end.
int stop_control::wait_ms() const {
  const std::lock_guard lock(mutex_);
  if (!why_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_at_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

void stop_control::run() {
  bool signalled = false;
  while (true) {
    pollfd sources[] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
    const int timeout_ms = wait_ms();
    const int ready = ::poll(sources, 2, timeout_ms);
    eventfd_t ignored = 0;
    ::eventfd_read(wake_fd_, &ignored);
    {
      const std::lock_guard lock(mutex_);
      if (leave_) return;
    }
    signalfd_siginfo info{};
    while (::read(signal_fd_, &info, sizeof info) == sizeof info) {
      if (signalled)
        return end("a second signal: stopped at once; what was acknowledged is recovered at the next start");
      signalled = true;
      log::info("process", "stopping in order; a second signal stops at once", {{"signal", info.ssi_signo}});
      begin(exit_code::done);
    }
    if (ready == 0 && wait_ms() == 0)
      return end("the orderly stop took longer than shutdown.deadline; see which part did not end, or raise it");
  }
}

void stop_control::end(std::string_view why) {
  const auto code = static_cast<int>(exit_code::fatal);
  if (const auto part = part_under_way(); part.empty())
    log_at_once(log::level::error, "process", why, {{"exit_code", code}});
  else
    log_at_once(log::level::error, "process", why, {{"exit_code", code}, {"part", part}});
  end_now_(exit_code::fatal);
}

}  // namespace social::config
