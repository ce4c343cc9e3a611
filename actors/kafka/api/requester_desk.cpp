#include "actors/kafka/api/requester_desk.hpp"

#include <vector>

#include "actors/base/log.hpp"

namespace social::kafka {
namespace {

constexpr std::string_view correlation_header = "kafka_correlationId";
constexpr std::string_view reply_topic_header = "kafka_replyTopic";
constexpr std::size_t correlation_bytes = 16;
constexpr int retry_after_s = 2;  ///< brokers that come back are seen within a second or two
/// Answered requests that may lie behind an open one before they are cleared away.
constexpr std::size_t answered_max = 4'096;

error nothing_was_sent() {
  error why(error_code::unavailable, "The push service cannot be asked at the moment; nothing was done");
  why.retry_after_s = retry_after_s;
  return why;
}

/// What cannot be known of a question that changes nothing is not worth telling: it is refused.
error doubt(error_code in_doubt) {
  error why(in_doubt);
  if (in_doubt == error_code::unavailable) why.retry_after_s = retry_after_s;
  return why;
}

}  // namespace

request_desk::request_desk(const requester_options& options, const ports::clock& clock, ports::random_source& random,
                           desk_edges edges)
    : requests_max_(options.requests_max),
      timeout_us_(options.timeout_ms * 1000),
      clock_(clock),
      random_(random),
      edges_(std::move(edges)) {}

void request_desk::start(desk_request request, untyped done) {
  if (is_closed()) return done(error{error_code::shutting_down});
  if (!edges_.stands()) {
    unavailable_.fetch_add(1, std::memory_order_relaxed);
    return done(nothing_was_sent());
  }
  const auto correlation = new_correlation();
  waiting who{std::move(done), request.in_doubt};
  if (const auto refused = keep(correlation, who)) return who.done(*refused);
  requests_.fetch_add(1, std::memory_order_relaxed);
  auto& headers = request.what.headers;
  headers.insert(headers.begin(), {{std::string(correlation_header), correlation},
                                   {std::string(reply_topic_header), std::string(request.reply_topic)}});
  if (!request.trace.empty()) headers.push_back({"traceparent", std::move(request.trace)});
  edges_.send(std::move(request.what), [self = shared_from_this(), correlation](const result<placed>& sent) {
    if (!sent) self->not_sent(correlation, sent.error());
  });
}

bool request_desk::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::optional<error> request_desk::keep(const std::string& correlation, waiting& who) {
  const std::lock_guard lock(mutex_);
  if (closed_) return error{error_code::shutting_down};
  if (waiting_.size() >= requests_max_) return error{error_code::overloaded};
  waiting_.emplace(correlation, std::move(who));
  deadlines_.emplace_back(clock_.monotonic_us() + timeout_us_, correlation);
  return std::nullopt;
}

std::optional<request_desk::waiting> request_desk::forget(const std::string& correlation) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(correlation);
  if (found == waiting_.end()) return std::nullopt;
  auto who = std::move(found->second);
  waiting_.erase(found);
  return who;
}

void request_desk::not_sent(const std::string& correlation, const error& why) {
  const auto who = forget(correlation);
  if (!who) return;  // its reply was quicker than the acknowledgement, or its time is over
  switch (why.code) {
    case error_code::overloaded:
    case error_code::shutting_down:
      return who->done(why);
    case error_code::outcome_unknown:
      return who->done(doubt(who->in_doubt));
    default:
      if (unsent_line_.is_due())
        log::warning("kafka", "a request to the push service could not be sent", {{"reason", why.text()}});
      unavailable_.fetch_add(1, std::memory_order_relaxed);
      return who->done(nothing_was_sent());
  }
}

void request_desk::take(const received& reply) {
  const auto* correlation = reply.content.find(correlation_header);
  const auto who = correlation == nullptr ? std::nullopt : forget(*correlation);
  if (!who) {
    unmatched_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  replies_.fetch_add(1, std::memory_order_relaxed);
  const auto value = read_value(reply.content.value);
  if (!value) return who->done(malformed(value.error(), who->in_doubt));
  if (auto refusal = error_in(*value)) return who->done(std::move(*refusal));
  who->done(value);
}

/// The request may well have been served.
error request_desk::malformed(const error& why, error_code in_doubt) {
  malformed_.fetch_add(1, std::memory_order_relaxed);
  if (malformed_line_.is_due())
    log::warning("kafka", "a reply of the push service could not be read", {{"reason", why.text()}});
  return doubt(in_doubt);
}

void request_desk::expire() {
  const auto now = clock_.monotonic_us();
  std::vector<waiting> late;
  {
    const std::lock_guard lock(mutex_);
    while (!deadlines_.empty()) {
      const auto& [deadline, correlation] = deadlines_.front();
      const auto found = waiting_.find(correlation);
      if (found != waiting_.end() && deadline > now) break;
      if (found != waiting_.end()) {
        late.push_back(std::move(found->second));
        waiting_.erase(found);
      }
      deadlines_.pop_front();
    }
    if (deadlines_.size() > 2 * waiting_.size() + answered_max)
      std::erase_if(deadlines_, [&](const auto& entry) { return !waiting_.contains(entry.second); });
  }
  timeouts_.fetch_add(late.size(), std::memory_order_relaxed);
  for (const auto& who : late) who.done(doubt(who.in_doubt));
}

void request_desk::close() {
  decltype(waiting_) left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(waiting_);
    deadlines_.clear();
  }
  for (const auto& [correlation, who] : left)
    who.done(who.in_doubt == error_code::unavailable ? error{error_code::shutting_down} : error{who.in_doubt});
}

/// Nobody else may guess it: who can write to the reply topic could answer in the push service's name.
std::string request_desk::new_correlation() {
  std::string bytes;
  bytes.reserve(correlation_bytes);
  while (bytes.size() < correlation_bytes) {
    const auto word = random_.next_64();
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(word >> shift & 0xff));
  }
  return bytes;
}

std::size_t request_desk::deadlines_kept() const {
  const std::lock_guard lock(mutex_);
  return deadlines_.size();
}

requester_metrics request_desk::metrics() const {
  requester_metrics m;
  m.requests = requests_;
  m.replies = replies_;
  m.timeouts = timeouts_;
  m.unavailable = unavailable_;
  m.unmatched = unmatched_;
  m.malformed = malformed_;
  const std::lock_guard lock(mutex_);
  m.waiting = waiting_.size();
  return m;
}

}  // namespace social::kafka
