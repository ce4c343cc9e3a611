#include <fcntl.h>
#include <limits>
#include <map>
#include <thread>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "config/log_format.hpp"
#include "config/logging.hpp"
#include "tests/unit/config/temporary_directory.hpp"

namespace social::config {
namespace {

using nlohmann::json;

constexpr std::int64_t moment = 1'795'449'240'123;  // 2026-11-23T15:54:00.123Z

std::string line(log_format format, std::string_view message, log::fields fields = {}) {
  const log::record record{log::level::info, "storage", message, {fields.begin(), fields.size()}};
  return format_log_line(record, format, moment);
}

TEST_CASE("a text line") {
  CHECK(line(log_format::text, "opened") == "2026-11-23T15:54:00.123Z info    storage: opened");
  CHECK(line(log_format::text, "opened", {{"path", "./data"}, {"rows", 12}, {"clean", true}, {"share", 0.5}}) ==
        "2026-11-23T15:54:00.123Z info    storage: opened path=./data rows=12 clean=true share=0.5");
}

TEST_CASE("a field cannot fake a second line or a second field") {
  CHECK(line(log_format::text, "said", {{"name", "a\nb"}, {"other", "x y=z"}, {"empty", ""}, {"quote", "\""}}) ==
        R"(2026-11-23T15:54:00.123Z info    storage: said name="a\nb" other="x y=z" empty="" quote="\"")");
  CHECK(line(log_format::text, "two\nlines") == R"(2026-11-23T15:54:00.123Z info    storage: "two\nlines")");
}

TEST_CASE("a JSON line is one object") {
  const auto text = line(log_format::json, "opened",
                         {{"path", std::string("./data")},
                          {"rows", std::uint64_t{18'446'744'073'709'551'615u}},
                          {"delta", -3},
                          {"clean", false},
                          {"share", 0.5},
                          {"never", std::numeric_limits<double>::infinity()}});
  CHECK(json::parse(text) == json{{"time", "2026-11-23T15:54:00.123Z"},
                                  {"level", "info"},
                                  {"component", "storage"},
                                  {"message", "opened"},
                                  {"fields",
                                   {{"path", "./data"},
                                    {"rows", 18'446'744'073'709'551'615u},
                                    {"delta", -3},
                                    {"clean", false},
                                    {"share", 0.5},
                                    {"never", nullptr}}}});
  CHECK_FALSE(json::parse(line(log_format::json, "bare")).contains("fields"));
}

TEST_CASE("any byte gives a valid line") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = {'a', static_cast<char>(byte), 'b'};
    const auto made = line(log_format::json, text, {{text, text}});
    CHECK_NOTHROW(json::parse(made));
    CHECK(made.find('\n') == std::string::npos);
    CHECK(line(log_format::text, text, {{"k", text}}).find('\n') == std::string::npos);
  }
  CHECK(json::parse(line(log_format::json, "댓글"))["message"] == "댓글");
}

/// Sends stderr to a file while it lives.
class stderr_to {
 public:
  explicit stderr_to(const std::filesystem::path& file) : former_(::dup(STDERR_FILENO)) {
    const int fd = ::open(file.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(fd, STDERR_FILENO);
    ::close(fd);
  }
  ~stderr_to() {
    ::dup2(former_, STDERR_FILENO);
    ::close(former_);
  }
  stderr_to(const stderr_to&) = delete;
  stderr_to& operator=(const stderr_to&) = delete;

 private:
  int former_;
};

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream from(file);
  std::vector<std::string> lines;
  for (std::string each; std::getline(from, each);) lines.push_back(each);
  return lines;
}

TEST_CASE("lines of many threads reach stderr whole, and all of them before the end") {
  const test::temporary_directory place;
  const auto file = place.path() / "log";
  {
    const stderr_to redirected(file);
    const logging running({log::level::info, log_format::json});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 500; ++i) log::info("test", "line", {{"thread", t}, {"number", i}});
      });
    for (auto& each : threads) each.join();
    CHECK(running.lines_lost() == 0);
  }
  const auto lines = lines_of(file);
  REQUIRE(lines.size() == 2000);
  std::map<int, int> next;
  for (const auto& each : lines) {
    const auto parsed = json::parse(each);
    const int thread = parsed["fields"]["thread"];
    CHECK(parsed["fields"]["number"] == next[thread]++);
  }
}

TEST_CASE("lines below the level are not made, and the level can change") {
  const test::temporary_directory place;
  const auto file = place.path() / "log";
  {
    const stderr_to redirected(file);
    const logging running({log::level::warning, log_format::text});
    CHECK_FALSE(log::enabled(log::level::info));
    log::info("test", "hidden");
    log::warning("test", "shown");
    log::set_level(log::level::debug);
    log::debug("test", "shown later");
    log_at_once(log::level::error, "test", "past the queue");
  }
  CHECK_FALSE(log::enabled(log::level::error));
  const auto content = test::read_file(file);
  CHECK(content.find("hidden") == std::string::npos);
  CHECK(content.find("warning test: shown\n") != std::string::npos);
  CHECK(content.find("debug   test: shown later\n") != std::string::npos);
  CHECK(content.find("error   test: past the queue\n") != std::string::npos);
}

TEST_CASE("a process that nobody listens to goes on, and says what it dropped") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int former = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  ::close(ends[1]);
  auto running = std::make_unique<logging>(log_settings{log::level::info, log_format::text});
  // More than the pipe and the queue hold: this loop would never end if logging waited for the reader.
  for (std::size_t i = 0; i < 4 * logging::queue_lines; ++i) log::info("test", std::string(100, 'x'));
  CHECK(running->lines_lost() > logging::queue_lines);
  log_at_once(log::level::error, "test", "does not wait either");
  std::string heard;
  std::thread reader([&] {
    std::array<char, 65536> buffer{};
    for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
      heard.append(buffer.data(), static_cast<std::size_t>(got));
  });
  running.reset();
  ::dup2(former, STDERR_FILENO);  // closes the pipe's last writing end, which ends the reader
  reader.join();
  ::close(former);
  ::close(ends[0]);
  CHECK(heard.find("stderr is too slow") != std::string::npos);
}

TEST_CASE("levels have names") {
  for (const auto* name : {"trace", "debug", "info", "warning", "error", "off"})
    CHECK(log::to_string(log::level_from(name).value()) == name);
  CHECK_FALSE(log::level_from("warn"));
}

}  // namespace
}  // namespace social::config
