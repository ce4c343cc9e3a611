#include "actors/kafka/client_config.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>

#include "actors/base/log.hpp"

namespace social::kafka::rd {
namespace {

constexpr std::int64_t line_every_ms = 30'000;
constexpr std::size_t line_kinds_max = 100;
constexpr std::size_t sentence_max = 512;  ///< librdkafka's own suggestion for its sentences

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

/// librdkafka's sentence about one option, without the value: it may be a password. What it quotes is the option's
/// name, or another name of it after the word "property", or else the value or a part of it.
std::string without_value(const std::string& sentence, std::string_view name, const std::string& value) {
  std::string_view rest = sentence;
  if (const auto after = rest.find("\": " + value); after != std::string_view::npos) rest = rest.substr(0, after + 1);
  std::string out;
  for (auto open = rest.find('"'); open != std::string_view::npos; open = rest.find('"')) {
    const auto close = std::min(rest.find('"', open + 1), rest.size() - 1);
    const auto before = rest.substr(0, open);
    const auto quoted = rest.substr(open, close - open + 1);
    const bool is_name =
        quoted.substr(1, quoted.size() - 2) == name || before.ends_with("property ") || before.ends_with("property: ");
    out.append(before).append(is_name ? quoted : "(not shown)");
    rest.remove_prefix(close + 1);
  }
  out += rest;
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_secret(std::string_view name) {
  return std::ranges::any_of(std::array{"password", "secret", "pem", "oauthbearer.config", "jaas"},
                             [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, sentence_max> why{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) == RD_KAFKA_CONF_OK) return {};
  return error(error_code::invalid_input, "the Kafka option '" + name + "': " + without_value(why.data(), name, value));
}

log::level level_of(int syslog) {
  if (syslog <= 3) return log::level::error;
  if (syslog == 4) return log::level::warning;
  return syslog <= 6 ? log::level::info : log::level::debug;
}

bool is_about_the_connection(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return true;
    default:
      return false;
  }
}

}  // namespace

result<conf_handle> make_conf(const client_settings& settings, const std::vector<setting>& defaults,
                              const std::vector<setting>& fixed) {
  conf_handle conf(rd_kafka_conf_new());
  // librdkafka's own limit of ten seconds is long for somebody who waits for Kafka to come back.
  std::vector<setting> all = {{"client.id", settings.client_id},
                              {"log.queue", "true"},
                              {"socket.keepalive.enable", "true"},
                              {"reconnect.backoff.max.ms", "2000"}};
  if (!settings.brokers.empty()) all.emplace_back("bootstrap.servers", settings.brokers);
  all.insert(all.end(), defaults.begin(), defaults.end());
  all.insert(all.end(), settings.options.begin(), settings.options.end());
  all.insert(all.end(), fixed.begin(), fixed.end());
  for (const auto& [name, value] : all)
    if (auto done = set(conf.get(), name, value); !done) return done.error();
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR |
                                           RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT);
  return conf;
}

std::optional<std::int64_t> number_in(const rd_kafka_conf_t& conf, const char* name) {
  std::array<char, 64> text{};
  auto size = text.size();
  if (rd_kafka_conf_get(&conf, name, text.data(), &size) != RD_KAFKA_CONF_OK) return std::nullopt;
  std::int64_t number = 0;
  const auto* const end = std::ranges::find(text, '\0');
  const auto [rest, failed] = std::from_chars(text.data(), end, number);
  return failed == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

result<client_handle> make_client(rd_kafka_type_t type, conf_handle conf, const client_settings& settings,
                                  log_lines lines) {
  std::array<char, sentence_max> why{};
  client_handle client(rd_kafka_new(type, conf.get(), why.data(), why.size()));
  if (client == nullptr) {
    std::string sentence = why.data();
    for (const auto& [name, value] : settings.options)
      if (is_secret(name) && !value.empty()) replace_all(sentence, value, "(not shown)");
    return error(error_code::invalid_input, "librdkafka does not take the Kafka options: " + sentence);
  }
  // The client owns the configuration from here on.
  static_cast<void>(conf.release());  // NOLINT(bugprone-unused-return-value)
  if (lines == log_lines::on_main_queue) rd_kafka_set_log_queue(client.get(), nullptr);
  return client;
}

namespace {

/// Shared by who waits and by the thread that ends the client, whichever is longer.
struct goodbye {
  std::mutex mutex;
  std::condition_variable done_signal;
  bool done = false;
};

void end_in_background(rd_kafka_t* client, int flags, const std::shared_ptr<goodbye>& state) {
  std::thread([client, flags, state] {
    rd_kafka_destroy_flags(client, flags);
    const std::lock_guard lock(state->mutex);
    state->done = true;
    state->done_signal.notify_all();
  }).detach();
}

}  // namespace

void let_go(rd_kafka_t* client, int flags, std::chrono::milliseconds patience) noexcept {
  const std::string name = rd_kafka_name(client);
  const auto state = std::make_shared<goodbye>();
  try {
    end_in_background(client, flags, state);
  } catch (const std::system_error&) {
    return rd_kafka_destroy_flags(client, flags);  // there is no thread to be had
  }
  std::unique_lock lock(state->mutex);
  if (!state->done_signal.wait_for(lock, patience, [&] { return state->done; }))
    log::warning("kafka", "librdkafka does not let go of a client yet; it ends in the background", {{"client", name}});
}

std::int64_t now_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int left_ms(std::int64_t deadline_ms) noexcept {
  return static_cast<int>(std::clamp<std::int64_t>(deadline_ms - now_ms(), 0, std::numeric_limits<int>::max()));
}

bool is_topic_name(std::string_view name) noexcept {
  constexpr std::size_t length_max = 249;
  if (name.empty() || name.size() > length_max || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

timestamp_t time_of(const rd_kafka_message_t& message) noexcept {
  auto kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const auto time = rd_kafka_message_timestamp(&message, &kind);
  return kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time > 0 ? time : 0;
}

received received_of(const rd_kafka_message_t& message) {
  received out;
  auto& content = out.content;
  content.topic = rd_kafka_topic_name(message.rkt);
  content.partition = message.partition;
  if (message.key != nullptr) content.key.emplace(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) content.value.emplace(static_cast<const char*>(message.payload), message.len);
  out.offset = message.offset;
  out.time = time_of(message);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  content.headers.reserve(rd_kafka_header_cnt(headers));
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    auto& added = content.headers.emplace_back(header{name, std::nullopt});
    if (value != nullptr) added.value.emplace(static_cast<const char*>(value), size);
  }
  return out;
}

list_handle list_of(const std::vector<topic_partition>& which) {
  list_handle list(rd_kafka_topic_partition_list_new(static_cast<int>(which.size())));
  for (const auto& [topic, partition] : which) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  return list;
}

std::vector<topic_partition> partitions_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<topic_partition> out;
  for (int i = 0; list != nullptr && i < list->cnt; ++i)
    out.push_back({list->elems[i].topic, list->elems[i].partition});
  return out;
}

result<std::int32_t> query_partitions(rd_kafka_t& client, rd_kafka_topic_t& topic, int timeout_ms) {
  const rd_kafka_metadata_t* answer = nullptr;
  if (const auto code = rd_kafka_metadata(&client, 0, &topic, &answer, timeout_ms); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error(error_code::unavailable, rd_kafka_err2str(code));
  const metadata_handle owned(answer);
  if (answer->topic_cnt != 1) return error(error_code::unavailable, "a broker answered about other topics");
  const auto& found = answer->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || found.err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    return error(error_code::not_found, "there is no such topic");
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error(error_code::unavailable, rd_kafka_err2str(found.err));
  return found.partition_cnt;
}

std::map<topic_partition, std::int64_t> query_offsets(rd_kafka_t& client, const std::vector<topic_partition>& which,
                                                      std::int64_t logical, int timeout_ms) {
  std::map<topic_partition, std::int64_t> out;
  if (which.empty()) return out;
  // ListOffsets takes the logical offsets instead of a time (KIP-79); unlike rd_kafka_query_watermark_offsets this
  // asks for all partitions at once and keeps to its time-out.
  const auto list = list_of(which);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = logical;
  if (rd_kafka_offsets_for_times(&client, list.get(), timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  for (int i = 0; i < list->cnt; ++i)
    if (const auto& found = list->elems[i]; found.err == RD_KAFKA_RESP_ERR_NO_ERROR && found.offset >= 0)
      out[{found.topic, found.partition}] = found.offset;
  return out;
}

std::optional<std::uint64_t> line_limit::pass(const std::string& kind, std::int64_t now) {
  if (kinds_.size() >= line_kinds_max && !kinds_.contains(kind)) kinds_.clear();
  const auto [found, fresh] = kinds_.try_emplace(kind, entry{now, 0});
  if (fresh) return 0;
  auto& seen = found->second;
  if (now - seen.last_ms < line_every_ms) {
    ++seen.left_out;
    return std::nullopt;
  }
  seen.last_ms = now;
  return std::exchange(seen.left_out, 0);
}

// --- observer

observer::observer(std::string client, std::shared_ptr<client_health> health)
    : client_(std::move(client)), health_(std::move(health)) {}

void observer::serve(rd_kafka_event_t& event) {
  switch (rd_kafka_event_type(&event)) {
    case RD_KAFKA_EVENT_LOG:
      return on_log(event);
    case RD_KAFKA_EVENT_ERROR:
      return on_error(rd_kafka_event_error(&event), rd_kafka_event_error_string(&event));
    default:
      return;  // statistics, if an operator asked for them
  }
}

void observer::on_error(rd_kafka_resp_err_t code, std::string_view text) {
  if (is_about_the_connection(code))
    return health_->failed(std::string(text), code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN);
  warn(rd_kafka_err2name(code), "Kafka reports an error", text);
}

void observer::warn(const std::string& kind, std::string_view message, std::string_view detail) {
  if (const auto left_out = lines_.pass(kind, now_ms()))
    log::warning("kafka", message, {{"client", client_}, {"reason", detail}, {"left_out", *left_out}});
}

void observer::on_log(rd_kafka_event_t& event) {
  const char* facility = nullptr;
  const char* text = nullptr;
  int syslog = 0;
  if (rd_kafka_event_log(&event, &facility, &text, &syslog) != 0) return;
  auto severity = level_of(syslog);
  const std::string kind = facility != nullptr ? facility : "";
  // A connection that fails comes as an error, too; options are shared by producers and consumers, so that each is told
  // of some that only the other knows.
  if (kind == "FAIL" || kind == "ERROR" || kind == "CONFWARN") severity = log::level::debug;
  if (!log::enabled(severity)) return;
  if (severity == log::level::debug) return log::debug("kafka", text, {{"client", client_}, {"facility", kind}});
  if (const auto left_out = lines_.pass("log/" + kind, now_ms()))
    log::write(severity, "kafka", text, {{"client", client_}, {"facility", kind}, {"left_out", *left_out}});
}

}  // namespace social::kafka::rd
