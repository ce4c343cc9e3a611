#include <csignal>
#include <future>
#include <sys/wait.h>
#include <unistd.h>

#include "config/process.hpp"
#include "tests/unit/config/fixture.hpp"

namespace social::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the ready line is as documented") {
  CHECK(ready_line({.api_url = "http://127.0.0.1:8080",
                    .admin_url = "http://127.0.0.1:9090",
                    .served = {true, true},
                    .pid = 4711}) ==
        R"({"ready":{"api":"http://127.0.0.1:8080","admin":"http://127.0.0.1:9090","roles":["api","push"],"pid":4711}})"
        "\n");
  CHECK(ready_line({.api_url = {}, .admin_url = "http://[::1]:9091", .served = {false, true}, .pid = 1}) ==
        R"({"ready":{"admin":"http://[::1]:9091","roles":["push"],"pid":1}})"
        "\n");
}

TEST_CASE("errors have their exit codes") {
  CHECK(exit_code_of({error_code::invalid_input, ""}) == exit_code::usage);
  CHECK(exit_code_of({error_code::store_locked, ""}) == exit_code::data_directory);
  CHECK(exit_code_of({error_code::store_damaged, ""}) == exit_code::data_directory);
  CHECK(exit_code_of({error_code::store_mismatch, ""}) == exit_code::data_directory);
  CHECK(exit_code_of({error_code::io_error, ""}) == exit_code::data_directory);
  CHECK(exit_code_of({error_code::internal, ""}) == exit_code::fatal);
  CHECK(static_cast<int>(exit_code::done) == 0);
  CHECK(static_cast<int>(exit_code::fatal) == 1);
  CHECK(static_cast<int>(exit_code::usage) == 2);
  CHECK(static_cast<int>(exit_code::data_directory) == 3);
}

/// Stands in for the end of the process.
struct ended {
  std::promise<exit_code> promise;
  std::future<exit_code> future = promise.get_future();
  stop_control::ending ending = [this](exit_code code) { promise.set_value(code); };

  [[nodiscard]] bool happened() const { return future.wait_for(seconds(0)) == std::future_status::ready; }
};

TEST_CASE("a signal asks for an orderly stop, which has its time") {
  for (const int signal : {SIGTERM, SIGINT}) {
    ended end;
    stop_control control(seconds(60), end.ending);
    CHECK_FALSE(control.requested());
    ::kill(::getpid(), signal);
    CHECK(control.wait() == exit_code::done);
    CHECK(control.requested() == exit_code::done);
    CHECK_FALSE(end.happened());
  }
}

TEST_CASE("a second signal ends the process at once") {
  ended end;
  stop_control control(seconds(60), end.ending);
  ::kill(::getpid(), SIGTERM);
  CHECK(control.wait() == exit_code::done);
  ::kill(::getpid(), SIGINT);
  REQUIRE(end.future.wait_for(seconds(30)) == std::future_status::ready);
  CHECK(end.future.get() == exit_code::fatal);
}

TEST_CASE("an orderly stop that takes too long is ended") {
  ended end;
  stop_control control(milliseconds(20), end.ending);
  ::kill(::getpid(), SIGTERM);
  REQUIRE(end.future.wait_for(seconds(30)) == std::future_status::ready);
  CHECK(end.future.get() == exit_code::fatal);
}

TEST_CASE("a fatal failure asks for the same stop under the same deadline") {
  ended end;
  stop_control control(milliseconds(20), end.ending);
  control.request_stop(exit_code::data_directory);
  control.request_stop(exit_code::fatal);
  CHECK(control.wait() == exit_code::data_directory);
  REQUIRE(end.future.wait_for(seconds(30)) == std::future_status::ready);
  CHECK(end.future.get() == exit_code::fatal);
}

TEST_CASE("the first signal after a fatal failure does not cut its stop short") {
  ended end;
  stop_control control(seconds(60), end.ending);
  control.request_stop(exit_code::fatal);
  ::kill(::getpid(), SIGTERM);
  CHECK(control.wait() == exit_code::fatal);
  ::kill(::getpid(), SIGINT);  // two of one kind that are not yet taken are one
  REQUIRE(end.future.wait_for(seconds(30)) == std::future_status::ready);
}

TEST_CASE("a peer that goes away is no signal") {
  const stop_control control(seconds(60));
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  CHECK(::write(ends[1], "x", 1) == -1);
  ::close(ends[1]);
}

/// Starts a process, sends it `signals` one by one as it becomes ready for each, and returns how it ended.
int status_of(void (*main)(int ready), int signals) {
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const auto pid = ::fork();
  if (pid == 0) {
    ::close(STDERR_FILENO);
    main(ready[1]);
    ::_exit(99);
  }
  char letter = 0;
  for (int i = 0; i < signals; ++i) {
    REQUIRE(::read(ready[0], &letter, 1) == 1);
    ::kill(pid, SIGTERM);
  }
  int status = -1;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  ::close(ready[0]);
  ::close(ready[1]);
  return status;
}

void say_ready(int fd) {
  [[maybe_unused]] const auto written = ::write(fd, "r", 1);
}

// What has no end but the one under test; the alarm turns a failure into an end.
void hang(int fd, milliseconds deadline) {
  ::alarm(60);
  stop_control control(deadline);
  say_ready(fd);
  control.wait();
  say_ready(fd);
  while (true) ::pause();
}

TEST_CASE("a stop that takes too long says which part of it has not ended") {
  int said[2];
  REQUIRE(::pipe(said) == 0);
  const auto pid = ::fork();
  if (pid == 0) {
    ::dup2(said[1], STDERR_FILENO);
    ::close(said[0]);
    ::close(said[1]);
    ::alarm(60);
    stop_control control(milliseconds(20));
    set_part_under_way("feed");
    control.request_stop(exit_code::done);
    while (true) ::pause();
  }
  ::close(said[1]);
  std::string text;
  char some[512];
  for (ssize_t got = 0; (got = ::read(said[0], some, sizeof some)) > 0;)
    text.append(some, static_cast<std::size_t>(got));
  ::close(said[0]);
  int status = -1;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WEXITSTATUS(status) == 1);
  CAPTURE(text);
  CHECK(text.find("the orderly stop took longer") != std::string::npos);
  CHECK(text.find("part=feed") != std::string::npos);
}

TEST_CASE("a real process ends whatever hangs in it") {
  const auto overdue = status_of([](int fd) { hang(fd, milliseconds(20)); }, 1);
  CHECK(WIFEXITED(overdue));
  CHECK(WEXITSTATUS(overdue) == 1);
  const auto twice = status_of([](int fd) { hang(fd, seconds(600)); }, 2);
  CHECK(WIFEXITED(twice));
  CHECK(WEXITSTATUS(twice) == 1);
  const auto orderly = status_of(
      [](int fd) {
        ::alarm(60);
        stop_control control(seconds(600));
        say_ready(fd);
        ::_exit(static_cast<int>(control.wait()));
      },
      1);
  CHECK(WIFEXITED(orderly));
  CHECK(WEXITSTATUS(orderly) == 0);
}

}  // namespace
}  // namespace social::config
