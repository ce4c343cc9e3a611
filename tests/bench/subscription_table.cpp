// How fast a push process that has lost its store takes the table of subscriptions: records as they lie in Kafka, put
// into real Subscriptions over a real store on the disk. Without Kafka: reading is faster than this. Prints one JSON
// line.
//
//   bench_subscription_table [DEVICES [DIRECTORY]]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "actors/aggregates/region.hpp"
#include "actors/base/random.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/kafka/push/table_applier.hpp"
#include "actors/kafka/push/table_audit.hpp"
#include "config/compose/common/system_ports.hpp"
#include "storage/store.hpp"

namespace {

using namespace social;
using clock_type = std::chrono::steady_clock;

[[noreturn]] void fail(std::string_view what) {
  std::fprintf(stderr, "bench_subscription_table: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// Of all threads, seconds.
double cpu_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtoul(line.c_str() + 6, nullptr, 10);
  return 0;
}

/// As long as those of large push services: about 190 characters.
kafka::received record_of(std::size_t number, std::size_t users) {
  domain::subscription::device_subscribed e;
  e.user = 1 + number % users;
  auto& d = e.subscribed;
  d.endpoint = "https://push.example.net/wpush/v2/" + std::to_string(number) + std::string(150, 'x');
  d.seq = domain::subscription::device_seq(d.endpoint);
  d.row_version = random_64_bits() | 1;
  d.p256dh = "\x04" + random_bytes(64);
  d.auth = random_bytes(16);
  d.vapid_key_id = "0123456789abcdef";
  d.locale = "ko";
  d.created_at = 1'700'000'000'000;
  ports::journal_record from;
  from.events.push_back(domain::encode_event<domain::subscription_aggregate>(e.user, e));
  kafka::publications out;
  if (!kafka::publish_subscriptions("/social-server/0123456789abcdef0123456789abcdef")(from, out)) fail("no record");
  kafka::received r;
  r.content = out.at(0).what;
  r.content.partition = 0;
  r.offset = static_cast<std::int64_t>(number);
  r.time = 1'700'000'000'000;
  return r;
}

struct measured {
  double seconds = 0;
  double cpu_seconds = 0;
  std::size_t bytes = 0;
};

measured take_all(kafka::table_applier& applier, std::size_t devices, std::size_t users) {
  constexpr std::size_t batch = 500;
  measured out;
  for (std::size_t from = 0; from < devices; from += batch) {
    std::vector<kafka::received> records;
    for (std::size_t i = from; i < std::min(from + batch, devices); ++i) records.push_back(record_of(i, users));
    for (const auto& r : records) out.bytes += r.content.key->size() + r.content.value->size();
    const auto start = clock_type::now();
    const auto used = cpu_time();
    if (const auto taken = applier.take(records); !taken) fail(taken.error().text());
    out.seconds += seconds_since(start);
    out.cpu_seconds += cpu_time() - used;
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t devices = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const std::filesystem::path directory = argc > 2 ? argv[2] : "bench-subscription-table";
  const auto users = std::max<std::size_t>(devices * 2 / 3, 1);
  std::filesystem::remove_all(directory);
  storage::storage_options options;
  options.path = directory;
  auto store = storage::rocks_store::open(options);
  if (!store) fail(store.error().text());

  compose::system_clock clock;
  {
    runtime::node node({.threads = 2}, [&] { return clock.now(); });
    aggregates::region_parts parts;
    parts.node = &node;
    parts.store = (*store)->ports();
    parts.clock = &clock;
    parts.kinds.add<domain::subscription_aggregate>();
    parts.limits.must_sync = true;
    parts.limits.shard_entities_max = 256;  // as in config/compose/push/push_side.cpp
    aggregates::region region(std::move(parts));
    kafka::table_progress progress((*store)->ports(), "subscriptions");
    if (const auto loaded = progress.load(clock.now()); !loaded) fail(loaded.error().text());
    kafka::subscription_commands commands([&](protocol::command_message m) { region.send(std::move(m)); }, clock,
                                          options.shards);
    kafka::table_applier applier((*store)->ports(), clock, progress, commands);

    const auto before = resident_kib();
    const auto first = take_all(applier, devices, users);
    const auto after = resident_kib();
    const auto start = clock_type::now();
    const auto report = kafka::audit_table(*(*store)->ports().rows, progress, commands);
    if (!report || report->rows != devices || report->missing != 0) fail("the audit found something");
    const auto audit_seconds = seconds_since(start);
    std::size_t on_disk = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(directory))
      if (file.is_regular_file()) on_disk += file.file_size();
    std::printf(
        "{\"bench\":\"subscription_table\",\"devices\":%zu,\"devices_per_s\":%.0f,\"cpu_us_per_device\":%.1f,\"record_"
        "bytes\":%.0f,"
        "\"audit_s\":%.2f,\"rss_kib_before\":%zu,\"rss_kib_after\":%zu,\"disk_bytes_per_device\":%.0f}\n",
        devices, static_cast<double>(devices) / first.seconds, first.cpu_seconds * 1e6 / static_cast<double>(devices),
        static_cast<double>(first.bytes) / static_cast<double>(devices), audit_seconds, before, after,
        static_cast<double>(on_disk) / static_cast<double>(devices));
    region.stop(std::chrono::seconds(30));
  }
  (*store)->close();
  std::filesystem::remove_all(directory);
  return 0;
}
