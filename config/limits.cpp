#include "config/limits.hpp"

#include <algorithm>
#include <array>

#include "config/options.hpp"

namespace social::config {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t second = 1000;
constexpr std::uint64_t minute = 60 * second;
constexpr std::uint64_t hour = 60 * minute;

template <auto Member>
constexpr auto limit = &into<&settings::limits, Member>;

constexpr option bytes(std::string_view name, std::string_view fallback, std::uint64_t minimum, std::uint64_t maximum,
                       void (*store)(settings&, const value&), std::string_view help, std::string_view reason) {
  return {.name = name,
          .kind = value_kind::size,
          .fallback = fallback,
          .help = help,
          .reason = reason,
          .store = store,
          .minimum = minimum,
          .maximum = maximum};
}

constexpr option time(std::string_view name, std::string_view fallback, std::uint64_t minimum, std::uint64_t maximum,
                      void (*store)(settings&, const value&), std::string_view help, std::string_view reason) {
  return {.name = name,
          .kind = value_kind::duration,
          .fallback = fallback,
          .help = help,
          .reason = reason,
          .store = store,
          .minimum = minimum,
          .maximum = maximum};
}

constexpr option count(std::string_view name, std::string_view unit, std::string_view fallback, std::uint64_t minimum,
                       std::uint64_t maximum, void (*store)(settings&, const value&), std::string_view help,
                       std::string_view reason, std::uint8_t taken_by = everywhere) {
  return {.name = name,
          .kind = value_kind::count,
          .taken_by = taken_by,
          .fallback = fallback,
          .help = help,
          .reason = reason,
          .store = store,
          .minimum = minimum,
          .maximum = maximum,
          .unit = unit};
}

std::string half_of_the_cpus(const default_facts& facts, const settings&) {
  return std::to_string(std::clamp<std::uint64_t>(facts.cpus / 2, 1, 64));
}

using l = limit_settings;

constexpr std::array table = {
    bytes("limits.json-body", "64KiB", kib, 16 * mib, limit<&l::json_body_bytes>, "largest JSON body",
          "the largest real one is 500 characters of text, escaped; 413 comes from Content-Length alone"),
    bytes("limits.multipart-body", "8MiB", 64 * kib, 64 * mib, limit<&l::multipart_body_bytes>,
          "largest multipart body (joining)", "existing clients send photos as cameras make them"),
    bytes("limits.header-bytes", "16KiB", kib, mib, limit<&l::header_bytes>, "largest header section",
          "a token and what browsers and proxies add, several times over"),
    count("limits.header-fields", "fields", "100", 10, 1000, limit<&l::header_fields>, "header fields of one request",
          "browsers send about 20"),
    bytes("limits.target-bytes", "8KiB", 256, 64 * kib, limit<&l::target_bytes>, "longest request target",
          "what RFC 9110 section 4.1 asks every recipient to take"),
    time("limits.request-timeout", "30s", 100, hour, limit<&l::request_timeout>,
         "time for the header to be complete, and again for the body",
         "a slow phone needs seconds; a peer that drips bytes holds a connection for no longer"),
    time("limits.write-timeout", "30s", 100, hour, limit<&l::write_timeout>, "time for the peer to take one answer",
         "as for a request: one that does not read holds memory"),
    time("limits.idle-timeout", "1m", 100, hour, limit<&l::idle_timeout>, "life of a connection between two requests",
         "longer than the pause between two pages, shorter than what proxies keep"),
    count("limits.connections", "connections", "10000", 1, 1'000'000, limit<&l::connections>,
          "open connections of one listener", "some 20 KiB each; the usual limit of open files is far above it"),
    count("limits.connections-per-address", "connections", "1024", 1, 1'000'000, limit<&l::connections_per_address>,
          "open connections from one address", "an office behind one address, but not the whole limit of connections"),
    count("limits.requests-in-flight", "requests", "4096", 1, 1'000'000, limit<&l::requests_in_flight>,
          "requests that wait for an actor; 503 beyond", "at 30,000 a second each waits 140 ms at most"),
    time("limits.ask-deadline", "10s", 10, minute, limit<&l::ask_deadline>, "time for an actor to answer",
         "people have gone by then, and the answer becomes: outcome unknown"),
    count("limits.entity-mailbox", "messages", "1024", 1, 1'000'000, limit<&l::entity_mailbox_messages>,
          "waiting messages of one entity; 503 beyond",
          "one hot post, at 30,000 commands a second, drains it in 35 ms"),
    count("limits.entity-queue", "commands", "1024", 1, 100'000, limit<&l::entity_queue_commands>,
          "commands of one entity behind one that reads or asks its child; 503 beyond",
          "as many as one address has connections, all at one hot post; a read takes 1 ms: a second at worst"),
    count("limits.shard-entities", "entities", "2048", 1, 1'000'000, limit<&l::shard_entities>,
          "live entities of one shard", "64 shards hold 131,072, some 4 KiB each: half a GiB at most"),
    count("limits.shard-mailbox", "messages", "8192", 1, 1'000'000, limit<&l::shard_mailbox_messages>,
          "waiting messages of one shard; 503 beyond", "a shard only passes on: 8,192 are some 10 ms"),
    time("limits.entity-idle", "5m", 10, 24 * hour, limit<&l::entity_idle>,
         "an entity without messages for this long leaves memory", "longer than a visit; loading it again is one read"),
    count("limits.commit-queue", "commands", "16384", 1, 1'000'000, limit<&l::commit_queue_commands>,
          "commands that wait for the disk; 503 beyond", "half a second at 35,000 a second"),
    bytes("limits.journal-size", "16GiB", mib, 1024 * 1024 * mib, limit<&l::journal_bytes>,
          "size of one store's journal above which readiness is degraded; nothing is refused for it",
          "a week of 10 writes a second takes 6 GiB; more means that a reader holds it back or the disk was planned "
          "small"),
    count("limits.actors-listed", "actors", "1000", 1, 100'000, limit<&l::actors_listed>,
          "most actors in one answer of the admin API", "a page a person can read; about 300 KiB of JSON"),
    count("limits.logins-in-flight", "logins", "64", 1, 10'000, limit<&l::logins_in_flight>,
          "passwords being hashed or waiting for it; 503 beyond", "at 25 ms each and two threads the last waits 0.8 s",
          with_api),
    option{.name = "limits.hash-threads",
           .kind = value_kind::count,
           .taken_by = with_api,
           .help = "threads that hash passwords",
           .reason = "half of the CPU quota: signing in cannot stall the rest",
           .store = limit<&l::hash_threads>,
           .minimum = 1,
           .maximum = 64,
           .unit = "threads",
           .computed_fallback = half_of_the_cpus},
    option{.name = "limits.rates",
           .kind = value_kind::toggle,
           .taken_by = with_api,
           .fallback = "on",
           .help = "off: no rate limit and no sign-in delay at all",
           .reason = "off is for tests and benchmarks, which come from one address",
           .store = limit<&l::rates>},
    count("limits.rate-user", "requests per minute", "600", 0, 10'000'000, limit<&l::rate_user_per_minute>,
          "requests of one user; 0: unlimited", "ten a second: no person, but every script that runs wild", with_api),
    count("limits.rate-address", "requests per minute", "1200", 0, 10'000'000, limit<&l::rate_address_per_minute>,
          "requests from one address without a token; 0: unlimited", "a household or a small office", with_api),
    count("limits.rate-join-address", "joins per minute", "60", 0, 10'000'000, limit<&l::rate_join_address_per_minute>,
          "joins from one address; 0: unlimited", "a class room joins at once; a flood of accounts does not", with_api),
    count("limits.sign-in-failures", "failures", "5", 0, 1000, limit<&l::sign_in_failures>,
          "failed logins of one account from one address before a delay; 0: never a delay", "people mistype four times",
          with_api),
    count("limits.fan-out-chunk", "devices", "256", 1, 10'000, limit<&l::fan_out_chunk_devices>,
          "devices that one step of a fan-out reaches", "one batch of some 100 KiB, so that other work gets between",
          with_push),
    count("limits.push-lanes", "lanes", "1024", 1, 100'000, limit<&l::push_lanes>,
          "push services (origins) served at once", "there are about ten in the world; more only with private ones",
          with_push),
    count("limits.push-lane-concurrency", "messages", "16", 1, 1000, limit<&l::push_lane_concurrency>,
          "messages under way to one origin", "as many as connections over HTTP/1.1", with_push),
    count("limits.push-lane-queue", "deliveries", "1024", 1, 1'000'000, limit<&l::push_lane_queue_deliveries>,
          "deliveries of one lane in memory; more wait in the store", "a second of sending, read again in one scan",
          with_push),
    count("limits.dead-letters", "letters", "10000", 1, 10'000'000, limit<&l::dead_letters>,
          "dead letters kept, the newest", "some 10 MiB; an operator reads hundreds", with_push),
    count("limits.push-pending", "deliveries", "1000000", 1, 1'000'000'000, limit<&l::push_pending_deliveries>,
          "deliveries in the push store above which events stay in Kafka",
          "some 300 MiB on disk; below it one dead push service holds up nobody else's events", with_push),
    count("limits.kafka-outbox-window", "records", "20000", 1, 100'000, limit<&l::kafka_outbox_window_records>,
          "events sent to Kafka and not acknowledged yet", "a fifth of a second at 100,000 a second", with_api),
    count("limits.kafka-requests", "requests", "4096", 1, 100'000, limit<&l::kafka_requests>,
          "requests to the push role that wait for a reply; 503 beyond", "as many as limits.requests-in-flight",
          with_api),
    count("limits.kafka-requests-served", "requests", "1000", 1, 100'000, limit<&l::kafka_requests_served>,
          "requests from Kafka being served; more wait there", "a commit takes all that wait, so more is no faster",
          with_push),
    count("limits.kafka-events-under-way", "events", "4000", 1, 1'000'000, limit<&l::kafka_events_under_way>,
          "events from Kafka whose deliveries are not durable yet; more wait there",
          "eight batches of 500, some MiB; what a crash reads again", with_push),
    count("limits.kafka-dead-letters", "letters", "1000", 1, 100'000, limit<&l::kafka_dead_letters>,
          "newest records of the dead letter topics, listed and replayed", "as many as an operator looks through",
          with_push),
};

}  // namespace

std::span<const option> limit_options() {
  return table;
}

}  // namespace social::config
