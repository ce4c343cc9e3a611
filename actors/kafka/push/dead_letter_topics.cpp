#include "actors/kafka/push/dead_letter_topics.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <deque>
#include <mutex>
#include <optional>

#include "actors/base/json_writer.hpp"
#include "actors/base/text.hpp"
#include "actors/kafka/push/dead_letter_record.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

/// Keys are shown; a stranger's may be long.
constexpr std::size_t shown_bytes_max = 1'000;
/// What is remembered of all letters together: a thousand of the largest that a broker takes by default would be a
/// gigabyte.
constexpr std::size_t letters_bytes_max = 32 * 1024 * 1024;

std::string id_of(const received& letter) {
  return letter.content.topic + ":" + std::to_string(letter.content.partition) + ":" + std::to_string(letter.offset);
}

std::size_t size_of(const record& letter) {
  auto bytes = (letter.value ? letter.value->size() : 0) + (letter.key ? letter.key->size() : 0);
  for (const auto& h : letter.headers) bytes += h.name.size() + (h.value ? h.value->size() : 0);
  return bytes;
}

bool is_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size() && value >= 0;
}

/// What a stranger wrote, as text.
std::string shown(std::string_view bytes) {
  bytes = bytes.substr(0, shown_bytes_max);
  return std::string(bytes.substr(0, valid_utf8_prefix(bytes)));
}

void write(json_writer& json, const received& letter) {
  const auto origin = origin_of_dead_letter(letter.content).value_or(dead_letter_origin());
  json.begin_object()
      .member("id", std::string_view(id_of(letter)))
      .member("topic", std::string_view(letter.content.topic))
      .member("partition", static_cast<std::uint64_t>(std::max(letter.content.partition, 0)))
      .member("offset", static_cast<std::uint64_t>(std::max<std::int64_t>(letter.offset, 0)))
      .member("originalTopic", std::string_view(origin.topic));
  if (origin.partition >= 0) json.member("originalPartition", static_cast<std::uint64_t>(origin.partition));
  if (origin.offset >= 0) json.member("originalOffset", static_cast<std::uint64_t>(origin.offset));
  if (letter.content.key) json.member("key", std::string_view(shown(*letter.content.key)));
  json.member("reason", std::string_view(origin.reason)).member("code", std::string_view(origin.code));
  if (letter.time > 0) json.time_member("at", letter.time);
  json.end_object();
}

}  // namespace

class dead_letter_topics::parts {
 public:
  parts(client_settings settings, std::vector<std::string> topics, std::size_t letters_max, sender& out,
        std::shared_ptr<client_health> health)
      : settings_(std::move(settings)),
        topics_(std::move(topics)),
        letters_max_(letters_max),
        out_(out),
        health_(std::move(health)) {}
  ~parts() { stop(); }
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  void open() {
    log_reader_options options;
    options.name = "dead-letters";
    options.topics = topics_;
    options.start = log_reader_options::from::newest;
    options.newest_records = letters_max_;
    const std::lock_guard lock(reader_mutex_);
    if (reader_ || stopped_) return;
    reader_ = std::make_unique<log_reader>(
        settings_, std::move(options), [this](const std::vector<received>& records) { return take(records); }, health_);
  }

  void stop() {
    std::unique_ptr<log_reader> ended;
    {
      const std::lock_guard lock(reader_mutex_);
      stopped_ = true;
      ended = std::move(reader_);
    }
    if (ended) ended->stop();
  }

  [[nodiscard]] std::string report() const {
    std::string out;
    json_writer json(out);
    json.begin_array();
    const std::lock_guard lock(mutex_);
    for (const auto& letter : letters_) write(json, letter);
    json.end_array();
    return out;
  }

  void replay(const std::string& id, std::function<void(result<void>)> done) {
    std::optional<record> letter;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::ranges::find_if(letters_, [&](const auto& each) { return id_of(each) == id; });
      if (found != letters_.end()) letter = found->content;
    }
    if (!letter) return done(error{error_code::not_found, "there is no such dead letter, or it is too old to be kept"});
    auto original = revived(*letter);
    if (!original) return done(original.error());
    // Back to where it came from and nowhere else: a letter is a stranger's record, too.
    if (original->topic + std::string(topic::dead_letter_suffix) != letter->topic)
      return done(error{error_code::invalid_input, "the dead letter names another topic than the one it belongs to"});
    out_.send(std::move(*original), [done = std::move(done)](const result<placed>& outcome) {
      done(outcome ? result<void>() : result<void>(outcome.error()));
    });
  }

 private:
  /// Newest first: partitions come one after the other at the start, so that the time orders them.
  result<void> take(const std::vector<received>& records) {
    const std::lock_guard lock(mutex_);
    for (const auto& record : records) {
      const auto place = std::ranges::find_if(letters_, [&](const auto& kept) { return kept.time <= record.time; });
      letters_.insert(place, record);
      bytes_ += size_of(record.content);
      while (letters_.size() > letters_max_ || (bytes_ > letters_bytes_max && letters_.size() > 1)) {
        bytes_ -= size_of(letters_.back().content);
        letters_.pop_back();
      }
    }
    return {};
  }

  const client_settings settings_;
  const std::vector<std::string> topics_;
  const std::size_t letters_max_;
  sender& out_;
  const std::shared_ptr<client_health> health_;
  mutable std::mutex mutex_;
  std::deque<received> letters_;  ///< newest first
  std::size_t bytes_ = 0;         ///< of them
  std::mutex reader_mutex_;
  bool stopped_ = false;
  std::unique_ptr<log_reader> reader_;
};

dead_letter_topics::dead_letter_topics(client_settings settings, std::vector<std::string> topics,
                                       std::size_t letters_max, sender& out, std::shared_ptr<client_health> health)
    : parts_(std::make_unique<parts>(std::move(settings), std::move(topics), letters_max, out, std::move(health))) {}
dead_letter_topics::~dead_letter_topics() = default;
void dead_letter_topics::open() {
  parts_->open();
}
std::string dead_letter_topics::report() const {
  return parts_->report();
}

bool dead_letter_topics::owns(std::string_view id) noexcept {
  const auto last = id.rfind(':');
  if (last == std::string_view::npos || last == 0) return false;
  const auto middle = id.rfind(':', last - 1);
  if (middle == std::string_view::npos || middle == 0) return false;
  return id.substr(0, middle).ends_with(topic::dead_letter_suffix) &&
         is_number(id.substr(middle + 1, last - middle - 1)) && is_number(id.substr(last + 1));
}

void dead_letter_topics::replay(const std::string& id, std::function<void(result<void>)> done) {
  parts_->replay(id, std::move(done));
}
void dead_letter_topics::stop() {
  parts_->stop();
}

}  // namespace social::kafka
