// A server with a scripted handler, and a client that says exactly the bytes it is told to.
#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "actors/base/json_writer.hpp"
#include "http/server/envelope.hpp"
#include "http/server/server.hpp"
#include "tests/support/catch.hpp"

namespace social::http::test {

inline constexpr auto patience = std::chrono::seconds(10);

/// An answer as the client sees it.
struct reply {
  int status = 0;
  std::string head;  ///< status line and header lines
  std::string body;

  [[nodiscard]] bool has(std::string_view line) const {
    return (head + "\r\n").find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
  [[nodiscard]] std::string value(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const auto start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }
};

class client {
 public:
  explicit client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~client() { ::close(socket_); }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// False when the server does not take it any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }
  /// The next answer; status 0 when the connection ended before it was complete. `headless`: answers HEAD.
  reply receive(bool headless = false) {
    reply got;
    std::size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return got;
    got.head = input_.substr(0, end);
    input_.erase(0, end + 4);
    const int status = std::atoi(got.head.substr(9, 3).c_str());
    const auto size = headless || status == 100 ? 0 : std::strtoul(got.value("Content-Length").c_str(), nullptr, 10);
    while (input_.size() < size)
      if (!more()) return got;
    got.body = input_.substr(0, size);
    input_.erase(0, size);
    got.status = status;
    return got;
  }
  reply ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }
  /// True when the server ends the connection, and without further bytes.
  bool ends() {
    while (more()) {
    }
    return ended_ && input_.empty();
  }
  bool was_reset() const { return reset_; }

 private:
  bool more() {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0) return false;
    std::string buffer(64 * 1024, '\0');
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    ended_ = got <= 0;
    reset_ = reset_ || (got < 0 && errno == ECONNRESET);
    if (got > 0) input_.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
  int socket_;
  bool connected_ = false;
  bool ended_ = false;
  bool reset_ = false;
  std::string input_;
};

/// /echo: the body. /head: what the handler saw. /later: answered by the test. /drop: never. /throw. /big?n=: n bytes.
/// /refuse: 401 from the header alone. /small: takes 10 bytes. Everything else takes 1,000.
class scripted_handler final : public handler {
 public:
  head_decision decide(const request_head& head) override {
    if (head.path == "/refuse") return failure(error_code::unauthorized, head.request_id);
    return body_plan{head.path == "/small" ? std::size_t{10} : std::size_t{1000}, nullptr};
  }
  void handle(std::shared_ptr<const request_head> head, std::string body, std::shared_ptr<void>,
              respond answer) override {
    if (head->path == "/throw") throw std::runtime_error("scripted");
    if (head->path == "/drop") return;
    if (head->path == "/later") {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(answer));
      arrived_.notify_all();
      return;
    }
    response made;
    made.content_type = "text/plain";
    made.body = body;
    std::string size;
    if (head->path == "/head") made.body = seen(*head);
    if (head->path == "/big" && head->query_value("n", size)) made.body.assign(std::stoul(size), 'x');
    if (head->path == "/empty") made.status = 204;
    if (head->path == "/close") made.close = true;
    if (head->path == "/split") made.headers = {{"X-Bad", "a\r\nX-Injected: b"}, {"X-Good", "c"}};
    answer(std::move(made));
    // Exactly once: a second answer of a confused handler must not reach anybody.
    if (answer) answer(response{});
  }
  response refuse(const error& why, std::string_view request_id) override { return failure(why, request_id); }

  /// The answer function of the next request for /later.
  respond next_waiting() {
    std::unique_lock lock(mutex_);
    REQUIRE(arrived_.wait_for(lock, patience, [this] { return !waiting_.empty(); }));
    auto first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
  }

 private:
  static std::string seen(const request_head& head) {
    std::string out;
    json_writer json(out);
    json.begin_object()
        .member("method", std::string_view(head.method))
        .member("path", std::string_view(head.path))
        .member("query", std::string_view(head.query))
        .member("remote", std::string_view(head.remote_address))
        .member("id", std::string_view(head.request_id))
        .member("trace", std::string_view(head.trace))
        .end_object();
    return out;
  }
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<respond> waiting_;
};

/// Ticks every 5 ms, so that time-outs of a few ms are kept.
struct running_server {
  explicit running_server(server_options options = {}, exchange_observer* observer = nullptr)
      : served((options.tick_ms = 5, options), api, observer) {
    const auto started = served.start();
    REQUIRE(started.has_value());
    port = *started;
  }
  scripted_handler api;
  server served;
  std::uint16_t port = 0;
};

inline std::string get(std::string_view target, std::string_view more = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) + "\r\n";
}

inline std::string post(std::string_view target, std::string_view body, std::string_view more = {}) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) +
         "\r\n" + std::string(body);
}

/// True when `holds` becomes true in time. For what another thread counts after the client has its answer.
template <class Condition>
bool eventually(Condition holds) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace social::http::test
