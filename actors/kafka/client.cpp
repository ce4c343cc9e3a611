#include "actors/kafka/client.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include "actors/base/log.hpp"
#include "actors/kafka/client_config.hpp"

namespace social::kafka {
namespace {

struct reserved_option {
  std::string_view name;
  std::string_view why;
};

constexpr std::string_view ours = "an option of its own says it";
constexpr std::string_view order = "the order of records rests on it";
constexpr std::string_view durable = "no record gets lost because of it";
constexpr std::string_view placement = "a key's partition rests on it";
constexpr std::string_view offsets = "positions are kept by this program";
constexpr std::string_view plumbing = "this program's own use of librdkafka rests on it";

/// What order, durability and placement rest on, with every other name that librdkafka knows it under.
constexpr std::array reserved = {
    reserved_option{"bootstrap.servers", ours},
    reserved_option{"metadata.broker.list", ours},
    reserved_option{"client.id", ours},
    reserved_option{"group.id", ours},
    reserved_option{"message.timeout.ms", ours},
    reserved_option{"delivery.timeout.ms", ours},
    reserved_option{"enable.idempotence", order},
    reserved_option{"enable.gapless.guarantee", order},
    reserved_option{"max.in.flight", order},
    reserved_option{"max.in.flight.requests.per.connection", order},
    reserved_option{"queuing.strategy", order},
    reserved_option{"partition.assignment.strategy", order},
    reserved_option{"group.instance.id", order},
    reserved_option{"transactional.id", order},
    reserved_option{"acks", durable},
    reserved_option{"request.required.acks", durable},
    reserved_option{"retries", durable},
    reserved_option{"message.send.max.retries", durable},
    reserved_option{"allow.auto.create.topics", durable},
    reserved_option{"auto.offset.reset", durable},
    reserved_option{"partitioner", placement},
    reserved_option{"enable.auto.commit", offsets},
    reserved_option{"auto.commit.enable", offsets},
    reserved_option{"enable.auto.offset.store", offsets},
    reserved_option{"offset.store.method", offsets},
    reserved_option{"offset.store.path", offsets},
    reserved_option{"enable.partition.eof", plumbing},
    reserved_option{"delivery.report.only.error", plumbing},
    reserved_option{"produce.offset.report", plumbing},
    reserved_option{"enabled_events", plumbing},
    reserved_option{"log.queue", plumbing},
    reserved_option{"internal.termination.signal", plumbing},
    reserved_option{"test.mock.num.brokers", plumbing},
};

constexpr std::int64_t remind_every_ms = 30'000;

}  // namespace

result<void> check_settings(const client_settings& settings) {
  for (const auto& [name, value] : settings.options) {
    const auto* found = std::find_if(reserved.begin(), reserved.end(), [&](const auto& r) { return r.name == name; });
    if (found != reserved.end())
      return error(error_code::invalid_input,
                   "the Kafka option '" + name + "' cannot be set: " + std::string(found->why));
  }
  // What only shows when a client is made, such as a certificate that cannot be read, shows here. Without brokers a
  // client connects to nobody.
  for (const auto type : {RD_KAFKA_PRODUCER, RD_KAFKA_CONSUMER}) {
    auto unconnected = settings;
    unconnected.brokers.clear();
    auto conf = rd::make_conf(unconnected, {}, {});
    if (!conf) return conf.error();
    if (auto made = rd::make_client(type, std::move(*conf), settings); !made) return made.error();
  }
  return {};
}

// --- client_health

struct client_health::state {
  std::atomic<bool> connected{false};
  mutable std::mutex mutex;
  std::string last_error;
  std::uint64_t errors = 0;
  std::uint64_t restarts = 0;
  bool said_down = false;
  std::int64_t last_line_ms = -remind_every_ms;
  std::uint64_t left_out = 0;
};

client_health::client_health() : state_(std::make_unique<state>()) {}
client_health::~client_health() = default;

client_health::view client_health::look() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->connected.load(), state_->last_error, state_->errors, state_->restarts};
}

void client_health::connected() {
  // Called for every batch of reports: no lock in the usual case.
  if (state_->connected.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->connected.exchange(true)) return;
  log::info("kafka", state_->said_down ? "Kafka answers again" : "Kafka answers");
  state_->said_down = false;
  state_->last_line_ms = -remind_every_ms;
}

void client_health::failed(std::string why, bool all_brokers_down) {
  const std::lock_guard lock(state_->mutex);
  auto& s = *state_;
  ++s.errors;
  s.last_error = std::move(why);
  if (all_brokers_down) s.connected = false;
  const bool changed = all_brokers_down && !s.said_down;
  const auto now = rd::now_ms();
  if (!changed && now - s.last_line_ms < remind_every_ms) {
    ++s.left_out;
    return;
  }
  s.said_down = s.said_down || all_brokers_down;
  log::warning("kafka", s.said_down ? "no Kafka broker answers; it is tried again" : "a Kafka broker does not answer",
               {{"reason", s.last_error}, {"left_out", s.left_out}});
  s.last_line_ms = now;
  s.left_out = 0;
}

void client_health::restarted() {
  const std::lock_guard lock(state_->mutex);
  ++state_->restarts;
}

}  // namespace social::kafka
