#include "http/server/listener.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>

#include "actors/base/log.hpp"

namespace social::http {
namespace {

using boost::asio::ip::tcp;

/// In one go, so that a flood of connections does not starve the requests of this thread.
constexpr int accepts_per_wake = 64;
/// Beyond it a connection over the limits is closed without a word.
constexpr std::size_t refusals_at_once_max = 256;

ip_address address_of(const sockaddr_storage& from) noexcept {
  ip_address address;
  if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    std::memcpy(address.bytes.data(), &v6.sin6_addr, address.bytes.size());
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, &v4.sin_addr, 4);
  }
  return address;
}

error cannot_listen(const server_options& options, const std::string& why) {
  return {error_code::io_error,
          "cannot listen on " + options.address + " port " + std::to_string(options.port) + ": " + why};
}

}  // namespace

listener::listener(std::shared_ptr<server_core> core, std::vector<std::shared_ptr<worker>> workers)
    : core_(std::move(core)),
      workers_(std::move(workers)),
      acceptor_(workers_.front()->io().get_executor()),
      handed_out_(workers_.size()) {}

result<std::uint16_t> listener::bind() {
  const auto& options = core_->options;
  std::string text = options.address == "localhost" ? "127.0.0.1" : options.address;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(text, failed);
  if (failed) return cannot_listen(options, "this is no numeric address");
  const tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), failed);
  if (!failed) acceptor_.set_option(boost::asio::socket_base::reuse_address(true), failed);
  if (!failed) acceptor_.bind(endpoint, failed);
  if (!failed) acceptor_.listen(options.backlog, failed);
  if (!failed) acceptor_.native_non_blocking(true, failed);
  if (failed) return cannot_listen(options, failed.message());
  return acceptor_.local_endpoint().port();
}

void listener::start() {
  workers_.front()->on_tick([self = shared_from_this()] {
    if (!self->exhausted_ || !self->acceptor_.is_open()) return;
    self->exhausted_ = false;
    self->wait();
  });
  workers_.front()->post([self = shared_from_this()] { self->wait(); });
}

void listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

void listener::wait() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_wait(boost::asio::socket_base::wait_read,
                       [self = shared_from_this()](boost::system::error_code failed) {
                         if (!failed) self->accept_waiting();
                       });
}

void listener::accept_waiting() {
  for (int i = 0; i < accepts_per_wake; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int socket =
        ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      log::error("http", "a connection cannot be accepted; trying again later", {{"why", std::strerror(errno)}});
      exhausted_ = true;
      return;
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto peer = address_of(from);
    const bool admitted = core_->gate.admit(peer, core_->trusts(peer)) == admission::verdict::admitted;
    if (!admitted && core_->being_refused >= refusals_at_once_max)
      ::close(socket);
    else
      least_loaded().adopt(socket, peer, admitted);
  }
  wait();
}

worker& listener::least_loaded() {
  std::size_t best = next_;
  std::uint64_t best_load = ~std::uint64_t{0};
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const auto candidate = (next_ + i) % workers_.size();
    const auto load = handed_out_[candidate] - workers_[candidate]->counts().connections_closed.value();
    if (load < best_load) {
      best = candidate;
      best_load = load;
    }
  }
  next_ = (best + 1) % workers_.size();
  ++handed_out_[best];
  return *workers_[best];
}

}  // namespace social::http
