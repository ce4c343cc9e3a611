// Which request goes over which connection: one pool of kept connections per origin.
#include "actors/push/transport.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <openssl/ssl.h>

#include "actors/push/transport_connection.hpp"
#include "actors/push/transport_resolver.hpp"

namespace social::push {
namespace {

namespace asio = boost::asio;
using connection_ptr = std::shared_ptr<transport_connection>;
using steady = std::chrono::steady_clock;

struct lane;

struct job {
  job(asio::io_context& io, ports::push_request r, std::function<void(ports::push_answer)> d)
      : request(std::move(r)), done(std::move(d)), deadline(io), started(steady::now()) {}
  ports::push_request request;
  std::function<void(ports::push_answer)> done;  ///< empty once called
  asio::steady_timer deadline;
  steady::time_point started;
  endpoint_parts place;
  std::shared_ptr<lane> home;
  connection_ptr connection;  ///< opening for it or carrying it
  bool fresh = false;         ///< only a new connection will do
};
using job_ptr = std::shared_ptr<job>;

/// All traffic to one origin.
struct lane {
  endpoint_parts place;  ///< without a target
  std::deque<job_ptr> waiting;
  std::vector<connection_ptr> idle;  ///< the last used is the last
  std::size_t connections = 0;       ///< opening, busy and idle
  bool starved = false;              ///< waits because of connections_max
};
using lane_ptr = std::shared_ptr<lane>;

bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
}

/// RFC 8030 section 5, RFC 8188 section 2, RFC 8292 section 3.
std::string http_text(const ports::push_request& request, const endpoint_parts& place) {
  std::string text;
  text.reserve(512 + place.target.size() + request.authorization.size() + request.body.size());
  const auto host_start = place.scheme.size() + 3;
  text.append("POST ").append(place.target).append(" HTTP/1.1\r\nHost: ").append(place.origin.substr(host_start));
  text.append("\r\nTTL: ").append(std::to_string(request.ttl_s));
  if (!request.urgency.empty()) text.append("\r\nUrgency: ").append(request.urgency);
  if (!request.topic.empty()) text.append("\r\nTopic: ").append(request.topic);
  if (!request.authorization.empty()) text.append("\r\nAuthorization: ").append(request.authorization);
  text.append("\r\nContent-Encoding: aes128gcm\r\nContent-Type: application/octet-stream\r\nContent-Length: ");
  text.append(std::to_string(request.body.size())).append("\r\n\r\n").append(request.body);
  return text;
}

ports::push_answer failed_answer(std::string failure, std::string detail) {
  ports::push_answer answer;
  answer.failure = std::move(failure);
  answer.detail = std::move(detail);
  return answer;
}

}  // namespace

class transport::implementation {
 public:
  explicit implementation(transport_options options)
      : options_(std::move(options)),
        tls_(asio::ssl::context::tls_client),
        resolver_(options_),
        work_(io_.get_executor()) {}

  result<void> trust() {
    boost::system::error_code failed;
    tls_.set_default_verify_paths(failed);  // a machine without certificate authorities trusts `ca_files` only
    tls_.set_verify_mode(asio::ssl::verify_peer, failed);
    SSL_CTX_set_min_proto_version(tls_.native_handle(), TLS1_2_VERSION);
    constexpr unsigned char http11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(tls_.native_handle(), http11, sizeof(http11));
    for (const auto& file : options_.ca_files) {
      tls_.load_verify_file(file.string(), failed);
      if (failed)
        return error{error_code::io_error, "the CA file " + file.string() + " cannot be loaded: " + failed.message()};
    }
    return {};
  }

  void start() {
    thread_ = std::thread([this] { io_.run(); });
  }

  void send(ports::push_request request, std::function<void(ports::push_answer)> done) {
    std::unique_lock lock(mutex_);
    if (stopped_) {
      lock.unlock();
      done(failed_answer("shutdown", "the transport is stopped"));
      return;
    }
    ++requests_;
    asio::post(io_, [this, work = std::make_shared<job>(io_, std::move(request), std::move(done))] { submit(work); });
  }

  void stop() {
    std::call_once(stop_once_, [this] {
      {
        // What was posted before comes before; nothing is posted after.
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        asio::post(io_, [this] { shut_down(); });
      }
      resolver_.stop();
      work_.reset();
      if (thread_.joinable()) thread_.join();
    });
  }

  status current_status() const {
    return {origins_.load(), connections_.load(), requests_.load(), connections_made_.load(), retries_.load()};
  }

 private:
  void submit(const job_ptr& work) {
    if (shutting_down_) return finish(work, failed_answer("shutdown", "the transport is stopped"));
    auto judged = judge_endpoint(work->request.endpoint, options_.endpoints);
    if (!judged) return finish(work, failed_answer("address_forbidden", "the endpoint " + judged.error().message));
    work->place = std::move(*judged);
    const auto& request = work->request;
    if (!is_header_value(request.urgency) || !is_header_value(request.topic) || !is_header_value(request.authorization))
      return finish(work, failed_answer("protocol", "a header of the request has characters that no header can have"));

    auto& home = lanes_[work->place.origin];
    if (!home) {
      home = std::make_shared<lane>();
      home->place = work->place;
      home->place.target.clear();
      origins_ = lanes_.size();
    }
    if (home->waiting.size() >= options_.waiting_per_origin_max)
      return finish(work, failed_answer("connect", home->place.origin + ": too many requests wait for a connection"));
    work->home = home;
    jobs_.insert(work);
    work->deadline.expires_at(work->started + std::chrono::milliseconds(options_.total_timeout_ms));
    work->deadline.async_wait([this, work](const boost::system::error_code& cancelled) {
      if (!cancelled) expire(work);
    });
    home->waiting.push_back(work);
    pump(home);
  }

  /// Gives waiting requests to connections as far as the limits go.
  void pump(const lane_ptr& at) {
    while (!at->waiting.empty()) {
      const job_ptr work = at->waiting.front();
      if (!work->fresh && !at->idle.empty()) {
        at->waiting.pop_front();
        work->connection = std::move(at->idle.back());
        at->idle.pop_back();
        run(work);
        continue;
      }
      if (at->connections >= options_.connections_per_origin_max && !drop_idle(*at)) break;
      if (connections_ >= options_.connections_max && !drop_any_idle()) {
        if (!std::exchange(at->starved, true)) starved_.push_back(at);
        break;
      }
      at->waiting.pop_front();
      open(work);
    }
    if (at->connections == 0 && at->waiting.empty()) {
      const auto found = lanes_.find(at->place.origin);
      if (found != lanes_.end() && found->second == at) lanes_.erase(found);
      origins_ = lanes_.size();
    }
  }

  void open(const job_ptr& work) {
    ++work->home->connections;
    ++connections_;
    ++connections_made_;
    work->connection = std::make_shared<transport_connection>(context_, work->home->place);
    // A copy: the callback may let go of the job's.
    const auto connection = work->connection;
    connection->open([this, work](std::optional<connection_failure> failure) {
      if (!failure) return run(work);
      work->connection = nullptr;
      release(work->home);
      finish(work, failed_answer(std::move(failure->failure), std::move(failure->detail)));
    });
  }

  void run(const job_ptr& work) {
    work->connection->exchange(http_text(work->request, work->place), [this, work](exchange_result result) {
      const auto connection = std::exchange(work->connection, nullptr);
      const auto home = work->home;
      // Another lane waits for a connection: it comes first.
      const bool give_way = !starved_.empty();
      if (result.reusable && !give_way) {
        keep(home, connection);
      } else {
        connection->close();
        release(home);
      }
      // RFC 9110 section 9.2.2 lets a client repeat what it knows to be harmless: a message's Topic replaces its twin.
      if (result.nothing_came && connection->used() && !work->fresh) {
        ++retries_;
        work->fresh = true;
        home->waiting.push_front(work);
      } else {
        finish(work, std::move(result.answer));
      }
      if (!give_way) pump(home);
    });
  }

  void keep(const lane_ptr& home, const connection_ptr& connection) {
    home->idle.push_back(connection);
    connection->watch([this, home, raw = connection.get()] {
      std::erase_if(home->idle, [raw](const connection_ptr& c) { return c.get() == raw; });
      release(home);
      pump(home);
    });
  }

  /// A connection is gone: another lane may have waited for its place.
  void release(const lane_ptr& home) {
    --home->connections;
    --connections_;
    asio::post(io_, [this, home] {
      serve_starved();
      pump(home);
    });
  }

  /// In the order they began to wait; one that still waits afterwards goes to the end.
  void serve_starved() {
    for (auto count = starved_.size(); count > 0 && connections_ < options_.connections_max; --count) {
      const auto first = std::move(starved_.front());
      starved_.pop_front();
      first->starved = false;
      pump(first);
    }
  }

  bool drop_idle(lane& at) {
    if (at.idle.empty()) return false;
    at.idle.front()->close();
    at.idle.erase(at.idle.begin());
    --at.connections;
    --connections_;
    return true;
  }

  bool drop_any_idle() {
    return std::ranges::any_of(lanes_, [this](const auto& entry) { return drop_idle(*entry.second); });
  }

  void expire(const job_ptr& work) {
    if (!work->done) return;
    const auto home = work->home;
    if (const auto connection = std::exchange(work->connection, nullptr)) {
      connection->close();
      release(home);
    } else {
      std::erase(home->waiting, work);
    }
    finish(work, failed_answer("timeout", home->place.origin + ": no answer in time"));
    pump(home);
  }

  void finish(const job_ptr& work, ports::push_answer answer) {
    jobs_.erase(work);
    work->deadline.cancel();
    const auto done = std::exchange(work->done, nullptr);
    if (!done) return;
    --requests_;
    answer.latency_us = std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - work->started).count();
    done(std::move(answer));
  }

  void shut_down() {
    shutting_down_ = true;
    for (const auto& [origin, home] : lanes_) {
      home->waiting.clear();
      for (const auto& connection : std::exchange(home->idle, {})) connection->close();
    }
    for (const auto& work : std::exchange(jobs_, {})) {
      if (const auto connection = std::exchange(work->connection, nullptr)) connection->close();
      finish(work, failed_answer("shutdown", "the transport is stopped"));
    }
    lanes_.clear();
    starved_.clear();
    origins_ = 0;
    connections_ = 0;
  }

  const transport_options options_;
  asio::io_context io_{1};
  asio::ssl::context tls_;
  transport_resolver resolver_;
  transport_context context_{io_, tls_, resolver_, options_};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;

  std::mutex mutex_;
  bool stopped_ = false;  ///< under mutex_
  std::once_flag stop_once_;

  // Only on the I/O thread.
  std::unordered_map<std::string, lane_ptr> lanes_;  ///< by origin; those with a connection or a request
  std::unordered_set<job_ptr> jobs_;
  bool shutting_down_ = false;
  std::deque<lane_ptr> starved_;

  // Written on the I/O thread (requests_ also in `send`), read anywhere.
  std::atomic<std::size_t> origins_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<std::size_t> requests_ = 0;
  std::atomic<std::uint64_t> connections_made_ = 0;
  std::atomic<std::uint64_t> retries_ = 0;
};

result<std::unique_ptr<transport>> transport::make(transport_options options) {
  for (auto& origin : options.endpoints.allow_origins) {
    auto normal = normalize_origin(origin);
    if (!normal) return error{error_code::invalid_input, "the allowed origin " + origin + " " + normal.error().message};
    origin = std::move(*normal);
  }
  auto made = std::make_unique<implementation>(std::move(options));
  if (const auto trusted = made->trust(); !trusted) return trusted.error();
  made->start();
  return std::unique_ptr<transport>(new transport(std::move(made)));
}

transport::transport(std::unique_ptr<implementation> implementation) : implementation_(std::move(implementation)) {}
transport::~transport() {
  stop();
}

void transport::send(ports::push_request request, std::function<void(ports::push_answer)> done) {
  implementation_->send(std::move(request), std::move(done));
}
void transport::stop() {
  implementation_->stop();
}
transport::status transport::current_status() const {
  return implementation_->current_status();
}

}  // namespace social::push
