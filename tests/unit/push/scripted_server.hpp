// A server on this host whose connections are scripts: what to read, what to answer, when to hang up.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "actors/push/transport.hpp"
#include "tests/support/catch.hpp"

namespace social::push::testing {

inline constexpr std::chrono::seconds patience{20};

/// True as soon as the condition holds; false after the deadline.
inline bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

/// Bytes of one accepted connection; TLS brings its own.
class peer {
 public:
  explicit peer(int socket) : socket_(socket) {}
  virtual ~peer() = default;
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  /// One whole request; empty when the client has hung up.
  std::string read_request() {
    while (true) {
      if (const auto end = received_.find("\r\n\r\n"); end != std::string::npos) {
        const auto length = received_.find("Content-Length: ");
        const auto size = end + 4 + (length < end ? std::strtoul(received_.c_str() + length + 16, nullptr, 10) : 0);
        if (received_.size() >= size) {
          auto request = received_.substr(0, size);
          received_.erase(0, size);
          return request;
        }
      }
      char bytes[4096];
      const auto got = receive(bytes, sizeof(bytes));
      if (got <= 0) return {};
      received_.append(bytes, static_cast<std::size_t>(got));
    }
  }
  /// Returns when the client has hung up.
  void read_to_end() {
    while (!read_request().empty()) {
    }
  }
  bool write(std::string_view text) {
    while (!text.empty()) {
      const auto put = transmit(text.data(), text.size());
      if (put <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }
  /// The next close sends a reset.
  void reset_on_close() const {
    const linger abort{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
  }

 protected:
  virtual ssize_t receive(char* bytes, std::size_t size) { return ::recv(socket_, bytes, size, 0); }
  virtual ssize_t transmit(const char* bytes, std::size_t size) { return ::send(socket_, bytes, size, MSG_NOSIGNAL); }
  const int socket_;

 private:
  std::string received_;
};

/// Runs `script(peer, number of the connection from 0)` in a thread per connection and closes the connection after it.
class scripted_server {
 public:
  using script = std::function<void(peer&, int)>;
  using peer_maker = std::function<std::unique_ptr<peer>(int socket)>;  ///< nullptr: the connection failed

  explicit scripted_server(
      script run, peer_maker make = [](int socket) { return std::make_unique<peer>(socket); })
      : run_(std::move(run)), make_(std::move(make)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~scripted_server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
    ::close(listener_);
  }
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  [[nodiscard]] std::string origin(const std::string& scheme = "http", const std::string& host = "127.0.0.1") const {
    return scheme + "://" + host + ":" + std::to_string(port_);
  }
  [[nodiscard]] int accepted() const { return accepted_; }

 private:
  void accept_all() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      {
        const std::lock_guard lock(mutex_);
        open_.push_back(socket);
      }
      threads_.emplace_back([this, socket, number = accepted_++] {
        if (const auto client = make_(socket)) run_(*client, number);
        const std::lock_guard lock(mutex_);
        std::erase(open_, socket);
        ::close(socket);
      });
    }
  }

  const script run_;
  const peer_maker make_;
  const int listener_;
  int port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// Answers every request of a connection with `text`.
inline scripted_server::script always(std::string text) {
  return [text = std::move(text)](peer& client, int) {
    while (!client.read_request().empty() && client.write(text)) {
    }
  };
}
inline const std::string created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

inline ports::push_request request_to(const std::string& origin) {
  ports::push_request request;
  request.endpoint = origin + "/push/secret";
  request.body = "encrypted";
  request.authorization = "vapid t=token, k=key";
  request.ttl_s = 60;
  request.urgency = "high";
  request.topic = "topic";
  return request;
}

inline std::future<ports::push_answer> start(transport& sender, ports::push_request request) {
  auto promise = std::make_shared<std::promise<ports::push_answer>>();
  auto future = promise->get_future();
  sender.send(std::move(request), [promise](ports::push_answer answer) { promise->set_value(std::move(answer)); });
  return future;
}

inline ports::push_answer wait(std::future<ports::push_answer> future) {
  REQUIRE(future.wait_for(patience) == std::future_status::ready);
  auto answer = future.get();
  CHECK(answer.detail.find("secret") == std::string::npos);
  return answer;
}

inline ports::push_answer send(transport& sender, const std::string& origin) {
  return wait(start(sender, request_to(origin)));
}

inline std::unique_ptr<transport> transport_to(const scripted_server& server, transport_options options = {}) {
  options.endpoints.allow_origins.push_back(server.origin());
  return transport::make(std::move(options)).value();
}

}  // namespace social::push::testing
