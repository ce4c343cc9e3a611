// Requests that wait for their replies: who waits, until when, and what they hear. Knows nothing of librdkafka or CAF.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/kafka/api/requester.hpp"
#include "actors/kafka/rare_line.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

/// What the desk stands between.
struct desk_edges {
  /// As sender::send.
  std::function<void(record, std::function<void(result<placed>)>)> send;
  /// True: a request would be sent, and its reply would be read.
  std::function<bool()> stands;
};

/// A request on its way out.
struct desk_request {
  record what;  ///< topic, key and value; the desk adds the headers of request/reply
  std::string_view reply_topic;
  std::string trace;
  /// What is answered when nobody can say whether it was served.
  error_code in_doubt = error_code::outcome_unknown;
};

/// Shared by the requester and the callbacks of the sender, which may come later than its end. Any thread; a mutex held
/// for a few instructions orders them, and is never held while a callback runs.
class request_desk : public std::enable_shared_from_this<request_desk> {
 public:
  template <class T>
  using read_function = std::function<result<T>(const nlohmann::json& reply)>;
  template <class T>
  using completion = std::function<void(result<T>)>;

  request_desk(const requester_options& options, const ports::clock& clock, ports::random_source& random,
               desk_edges edges);

  /// Sends it, and calls `done` once: with what `read` makes of the reply, or with the error that it carries; with what
  /// became of the request when there is none. A reply that `read` refuses with malformed_json is told as in doubt.
  template <class T>
  void ask(desk_request request, read_function<T> read, completion<T> done) {
    const auto in_doubt = request.in_doubt;
    // Kept here and called here: with a reference to the desk of its own it would keep the desk alive.
    start(std::move(request),
          [this, in_doubt, read = std::move(read), done = std::move(done)](const result<nlohmann::json>& reply) {
            if (!reply) return done(reply.error());
            auto outcome = read(*reply);
            if (!outcome && outcome.error().code == error_code::malformed_json)
              return done(malformed(outcome.error(), in_doubt));
            done(std::move(outcome));
          });
  }

  /// A record of a reply topic; most are for other processes.
  void take(const received& reply);
  /// Answers what has waited too long.
  void expire();
  /// Answers everything; later asks: shutting_down.
  void close();
  [[nodiscard]] requester_metrics metrics() const;
  /// Entries of the list of deadlines, for a test of its bound.
  [[nodiscard]] std::size_t deadlines_kept() const;

 private:
  using untyped = std::function<void(result<nlohmann::json>)>;
  struct waiting {
    untyped done;
    error_code in_doubt;
  };

  void start(desk_request request, untyped done);
  [[nodiscard]] bool is_closed() const;
  /// nullopt: it is kept. Otherwise why not.
  std::optional<error> keep(const std::string& correlation, waiting& who);
  std::optional<waiting> forget(const std::string& correlation);
  void not_sent(const std::string& correlation, const error& why);
  error malformed(const error& why, error_code in_doubt);
  std::string new_correlation();

  const std::size_t requests_max_;
  const std::int64_t timeout_us_;
  const ports::clock& clock_;
  ports::random_source& random_;
  const desk_edges edges_;

  mutable std::mutex mutex_;
  bool closed_ = false;
  std::unordered_map<std::string, waiting> waiting_;
  /// (monotonic us, correlation), in order; answered ones leave when they come to the front, or when they are too many.
  std::deque<std::pair<std::int64_t, std::string>> deadlines_;

  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> replies_{0};
  std::atomic<std::uint64_t> timeouts_{0};
  std::atomic<std::uint64_t> unavailable_{0};
  std::atomic<std::uint64_t> unmatched_{0};
  std::atomic<std::uint64_t> malformed_{0};
  rare_line unsent_line_;
  rare_line malformed_line_;
};

}  // namespace social::kafka
