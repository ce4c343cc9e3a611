// What a subscriber that stalls costs the one that writes and the memory: commands are committed to a real store while
// one subscriber follows; then the same with a second one that took its first batch and never says how it ended. Each
// part is a process of its own, so that memory can be compared. Prints one JSON line.
//
//   bench_stalled_subscriber with|without [EVENTS [DIRECTORY]]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include "actors/events/subscriber.hpp"
#include "config/compose/common/system_ports.hpp"
#include "storage/store.hpp"

namespace {

using namespace social;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t event_bytes = 700;  // of a post or a comment
constexpr std::size_t under_way_max = 1024;

[[noreturn]] void fail(std::string_view what) {
  std::fprintf(stderr, "bench_stalled_subscriber: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtoul(line.c_str() + 6, nullptr, 10);
  return 0;
}

/// Writes all events with so many requests under way, as many connections would. Seconds.
double write(ports::journal& log, std::size_t events) {
  std::atomic<std::size_t> done{0};
  const auto begun = clock_type::now();
  for (std::size_t n = 0; n < events; ++n) {
    while (n - done.load() >= under_way_max || !log.reserve()) std::this_thread::yield();
    ports::commit_request request;
    request.shard = static_cast<shard_t>(n % log.shards());
    request.time = 1;
    request.events.push_back({domain::aggregate_kind::post, n, 1, std::string(event_bytes, 'e')});
    log.submit(std::move(request), [&done](const result<std::uint64_t>& outcome) {
      if (!outcome) fail(outcome.error().text());
      ++done;
    });
  }
  while (done < events) std::this_thread::yield();
  return std::chrono::duration<double>(clock_type::now() - begun).count();
}

events::effect following(ports::journal& effects, std::atomic<std::size_t>& seen) {
  return [&](auto records, auto rows, auto done) {
    seen += records.size();
    ports::commit_request request;
    request.may_skip_sync = true;
    request.rows = std::move(rows);
    if (!effects.reserve()) return done(effects.refusal());
    effects.submit(std::move(request),
                   [done](const auto& outcome) { done(outcome ? result<void>() : result<void>(outcome.error())); });
  };
}

void run(bool with_stalled, std::size_t events, const std::filesystem::path& directory) {
  storage::storage_options options;
  options.path = directory;
  auto opened = storage::rocks_store::open(options);
  if (!opened) fail(opened.error().text());
  const auto ports = (*opened)->ports();
  compose::system_clock clock;
  runtime::node node({.threads = 2}, [&clock] { return clock.now(); });
  std::atomic<std::size_t> seen{0};
  std::vector<std::function<void(result<void>)>> kept;  // the stalled one's; there is only one
  std::vector<std::vector<ports::journal_record>> held;
  double seconds = 0;
  {
    events::subscriber other(node, {.name = "other"}, *ports.log, *ports.rows, following(*ports.log, seen));
    std::optional<events::subscriber> stalled;
    if (with_stalled)
      stalled.emplace(node, events::subscriber_options{.name = "stalled"}, *ports.log, *ports.rows,
                      [&](auto records, auto, auto done) {
                        held.push_back(std::move(records));
                        kept.push_back(std::move(done));
                      });
    seconds = write(*ports.log, events);
    while (seen < events) std::this_thread::yield();
    if (with_stalled && (kept.size() != 1 || stalled->status().lag != events)) fail("the stalled one has not stalled");
    std::printf("{\"stalled\":%s,\"events\":%zu,\"per_second\":%.0f,\"rss_kib\":%zu}\n",
                with_stalled ? "true" : "false", events, static_cast<double>(events) / seconds, resident_kib());
  }
  kept.clear();
  node.system().await_all_actors_done();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode != "with" && mode != "without") fail("with or without");
  const auto events = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  const auto parent = argc > 3 ? std::filesystem::path(argv[3]) : std::filesystem::temp_directory_path();
  const auto directory = parent / ("social-bench-stalled-" + std::to_string(::getpid()));
  run(mode == "with", events, directory);
  std::filesystem::remove_all(directory);
  return 0;
}
