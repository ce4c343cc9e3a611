// What the push role stands upon in tests: a clock that is set by hand, randomness that is a number, a push service
// that answers from a script, and Subscriptions without actors over a store in memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/base/base64.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/ports/clock.hpp"
#include "actors/ports/push_transport.hpp"
#include "actors/protocol/messages.hpp"
#include "actors/push/encryption.hpp"
#include "actors/push/rows.hpp"
#include "tests/support/direct_subscriptions.hpp"
#include "tests/support/memory_store.hpp"

namespace social::test {

class hand_clock final : public ports::clock {
 public:
  timestamp_t now() const override { return now_.load(); }
  std::int64_t monotonic_us() const override { return now_.load() * 1000; }
  void advance(std::int64_t ms) { now_ += ms; }

 private:
  std::atomic<timestamp_t> now_{1'700'000'000'000};
};

class counted_random final : public ports::random_source {
 public:
  std::uint64_t next_64() override { return next_.fetch_add(1); }

 private:
  std::atomic<std::uint64_t> next_{1000};
};

/// Answers each request from `script` at once, or keeps it until `answer_next` when `hold` is set.
class scripted_transport final : public ports::push_transport {
 public:
  struct held {
    ports::push_request request;
    std::function<void(ports::push_answer)> done;
  };
  std::function<ports::push_answer(const ports::push_request&)> script = [](const auto&) { return with_status(201); };
  std::function<void(const ports::push_request&)> on_send;
  bool hold = false;
  std::vector<ports::push_request> requests;
  std::vector<held> waiting;

  static ports::push_answer with_status(int status, std::string retry_after = "") {
    ports::push_answer answer;
    answer.status = status;
    answer.retry_after = std::move(retry_after);
    answer.latency_us = 5000;
    return answer;
  }
  static ports::push_answer with_failure(std::string what) {
    ports::push_answer answer;
    answer.failure = std::move(what);
    return answer;
  }

  void send(ports::push_request request, std::function<void(ports::push_answer)> done) override {
    requests.push_back(request);
    if (on_send) on_send(request);
    if (hold)
      waiting.push_back({std::move(request), std::move(done)});
    else
      done(script(request));
  }
  void answer_next(const ports::push_answer& answer) {
    auto next = std::move(waiting.front());
    waiting.erase(waiting.begin());
    next.done(answer);
  }
  void stop() override {
    for (auto& h : std::exchange(waiting, {})) h.done(with_failure("shutdown"));
  }
  [[nodiscard]] std::size_t sent_to(std::string_view endpoint) const {
    return static_cast<std::size_t>(std::ranges::count(requests, endpoint, &ports::push_request::endpoint));
  }
};

/// A browser's keys as it sends them.
struct browser_keys {
  std::string public_key;
  std::string auth = base64url_encode(std::string(16, 'a'));
  browser_keys() {
    const auto pair = push::encryptor().make_key_pair().value();
    public_key = base64url_encode({reinterpret_cast<const char*>(pair.public_key.data()), pair.public_key.size()});
  }
};

}  // namespace social::test
