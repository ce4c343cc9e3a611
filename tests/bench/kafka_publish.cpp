// How fast the outbox drains, and how fast a bare librdkafka producer with the same settings sends the same bytes.
//
//   bench_kafka_publish --brokers HOST:PORT --folder DIR [--events 200000] [--rounds 3]
//
// Fills a store with post-created events, then alternates: a bridge that publishes all of them, from the beginning; a
// producer that has the same records ready in memory. Each round counts from making the producer to the last
// acknowledgement. One JSON line: records/s and CPU seconds of this process for each round of both, and the size of a
// record.
#include <filesystem>
#include <optional>
#include <sys/resource.h>

#include "actors/domain/post/post.hpp"
#include "actors/kafka/api/publication.hpp"
#include "actors/kafka/bridge.hpp"
#include "storage/store.hpp"
#include "tests/bench/kafka_bare.hpp"

namespace {

using namespace social;
using bench::fail;

constexpr shard_t shards = 64;
constexpr std::uint64_t owners = 1'000;

class wall_clock final : public ports::clock {
 public:
  timestamp_t now() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  std::int64_t monotonic_us() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// A sentence or two, as people write them.
std::string contents_of(std::uint64_t number) {
  return "Post " + std::to_string(number) +
         ": a text of the usual length, some hundred and fifty bytes, with a number here and there (" +
         std::to_string(number * 2'654'435'761 % 1'000'003) + "), so that it compresses as texts do.";
}

ports::commit_request post_created(std::uint64_t number) {
  domain::post::state post;
  const auto owner = 64 + number * 7'919 % owners;
  post.seq = make_id(number / shards + 1, shards, shard_of(owner, shards));
  post.writer = {owner, "user" + std::to_string(owner), "user" + std::to_string(owner) + "@example.org", {}};
  post.contents = contents_of(number);
  post.created_at = 1'795'449'600'000 + static_cast<timestamp_t>(number);
  ports::commit_request request;
  request.shard = shard_of(owner, shards);
  request.time = post.created_at;
  request.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto id = post.seq;
  request.events.push_back(
      domain::encode_event<domain::post_aggregate>(id, domain::post::post_created{std::move(post)}));
  return request;
}

void fill(ports::journal& journal, std::uint64_t events) {
  std::atomic<std::uint64_t> done{0};
  for (std::uint64_t number = 0; number < events; ++number) {
    while (!journal.reserve()) std::this_thread::yield();
    journal.submit(post_created(number), [&done](const result<std::uint64_t>& outcome) {
      if (!outcome) fail(std::string(outcome.error().text()));
      ++done;
    });
  }
  const auto heads = [&] {
    std::uint64_t sum = 0;
    for (shard_t shard = 0; shard < shards; ++shard) sum += journal.head(shard);
    return sum;
  };
  bench::wait_for([&] { return done >= events && heads() >= events; }, "the journal cannot be filled");
}

/// The same records that the bridge makes.
std::vector<kafka::record> records_of(const ports::journal& journal, const kafka::publish_function& project) {
  kafka::publications made;
  for (shard_t shard = 0; shard < shards; ++shard) {
    for (std::uint64_t after = 0; after < journal.head(shard);) {
      const auto read = journal.read(shard, after, 1'000, 1 << 20);
      if (!read || read->empty()) fail("the journal cannot be read");
      for (const auto& record : *read)
        if (!project(record, made)) fail("an event cannot be published");
      after = read->back().first_sequence + read->back().events.size() - 1;
    }
  }
  std::vector<kafka::record> out;
  out.reserve(made.size());
  for (auto& publication : made) out.push_back(std::move(publication.what));  // and `made` is filled no more
  return out;
}

struct measured {
  double records_per_second = 0;
  double cpu_seconds = 0;
};

template <class Work>
measured measure(std::uint64_t records, Work work) {
  const auto cpu_before = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return {static_cast<double>(records) / took.count(), cpu_seconds() - cpu_before};
}

measured run_bridge(ports::store store, std::uint64_t events, const kafka::publish_function& project,
                    const kafka::client_settings& settings, int round) {
  const wall_clock clock;
  runtime::node node({.threads = 1}, [&clock] { return clock.now(); });
  kafka::bridge_options options;
  options.name = "bench-" + std::to_string(round);  // a cursor of its own: from the beginning
  kafka::bridge bridge(node, options, *store.log, store, clock, project,
                       kafka::real_producer(settings, {.name = "bridge"}, std::make_shared<kafka::client_health>()));
  const auto out = measure(events, [&] {
    bridge.open();
    bench::wait_for([&] { return bridge.status().depth == 0; }, "the outbox does not drain");
  });
  if (bridge.status().published != events) fail("records were sent twice, or failed");
  bridge.stop(std::chrono::seconds(10));
  return out;
}

void print(const char* name, const std::vector<measured>& rounds) {
  std::printf("\"%s\":[", name);
  for (std::size_t i = 0; i < rounds.size(); ++i)
    std::printf("%s{\"rate\":%.1f,\"cpu\":%.3f}", i == 0 ? "" : ",", rounds[i].records_per_second,
                rounds[i].cpu_seconds);
  std::printf("],");
}

std::size_t bytes_of(const kafka::record& record) {
  auto sum = record.key->size() + record.value->size();
  for (const auto& [name, value] : record.headers) sum += name.size() + value->size();
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  auto given =
      bench::arguments(argc, argv, {{"--brokers", ""}, {"--folder", ""}, {"--events", "200000"}, {"--rounds", "3"}});
  const auto events = std::stoull(given["--events"]);
  const auto rounds = std::stoi(given["--rounds"]);

  storage::storage_options options;
  options.path = given["--folder"];
  options.shards = shards;
  options.mode = storage::durability::async;
  auto store = storage::rocks_store::open(options);
  if (!store) fail(std::string(store.error().text()));
  const auto ports = (*store)->ports();
  fill(*ports.log, events);

  const kafka::client_settings settings{.brokers = given["--brokers"], .client_id = "bench", .options = {}};
  const auto project = kafka::publish_domain_events("/social-server/bench", {});
  bench::wait_for_topics(settings.brokers);
  const auto records = records_of(*ports.log, project);
  std::vector<measured> bridge;
  std::vector<measured> bare;
  for (int round = 0; round <= rounds; ++round) {
    bridge.push_back(run_bridge(ports, events, project, settings, round));
    std::optional<bench::bare_producer> producer;  // its end does not count, as the bridge's does not
    // In a thread of its own, as the bridge is: the allocator's memory is as fresh to the one as to the other.
    std::thread([&] {
      bare.push_back(measure(events, [&] { producer.emplace(settings.brokers).send(records); }));
    }).join();
  }
  // The first round of each warms the broker up.
  bridge.erase(bridge.begin());
  bare.erase(bare.begin());
  std::printf("{");
  print("bridge", bridge);
  print("bare", bare);
  std::printf("\"record_bytes\":%zu}\n", bytes_of(records.front()));
  (*store)->close();
}
