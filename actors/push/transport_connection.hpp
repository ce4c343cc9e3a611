// One connection to one push service: look-up, judging the address, TCP, TLS, and one exchange after the other.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/push/transport.hpp"
#include "actors/push/transport_resolver.hpp"

namespace social::push {

class transport_answer;

/// What connections share. Everything runs on the one thread of `io`.
struct transport_context {
  boost::asio::io_context& io;
  boost::asio::ssl::context& tls;
  transport_resolver& resolver;
  const transport_options& options;
};

struct connection_failure {
  std::string failure;  ///< as in ports::push_answer
  std::string detail;
};

struct exchange_result {
  ports::push_answer answer;
  bool reusable = false;      ///< the connection can take another exchange; otherwise it is closed
  bool nothing_came = false;  ///< it was closed before one byte of the answer
};

/// Held by the lane and by its own pending operations; ends with `close`. Callbacks run once or, after `close`, never.
class transport_connection : public std::enable_shared_from_this<transport_connection> {
 public:
  /// `place` without the target: a connection serves many endpoints of one origin.
  transport_connection(transport_context& context, const endpoint_parts& place);
  ~transport_connection();

  void open(std::function<void(std::optional<connection_failure>)> done);
  /// Only when open and idle.
  void exchange(std::string request, std::function<void(exchange_result)> done);
  /// Between exchanges: `lost` runs when the peer closes or nothing has happened for the idle time-out.
  void watch(std::function<void()> lost);
  void close();

  [[nodiscard]] bool used() const { return exchanges_ > 0; }

 private:
  using handler = std::function<void(boost::system::error_code, std::size_t)>;

  void resolved(const result<std::vector<ip_address>>& addresses);
  void connect_next();
  void connected(const boost::system::error_code& failed);
  void shake_hands();
  void opened();
  void fail_open(std::string failure, const std::string& what);

  void read();
  void received(const boost::system::error_code& failed, std::size_t size);
  void parse();
  void finish(bool reusable);
  void fail_exchange(std::string failure, const std::string& what);
  void lose();

  /// One timer serves all phases; setting it anew disarms what was set before.
  void set_timer(std::chrono::steady_clock::time_point when, std::function<void()> expired);
  void disarm();

  transport_context& context_;
  const endpoint_parts place_;
  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  boost::asio::steady_timer timer_;
  std::uint64_t timer_round_ = 0;
  std::chrono::steady_clock::time_point open_until_;
  std::vector<ip_address> addresses_;
  std::size_t next_address_ = 0;
  std::string last_problem_;
  bool timed_out_ = false;
  bool closed_ = false;
  bool writing_ = false;
  std::uint64_t exchanges_ = 0;

  std::function<void(std::optional<connection_failure>)> on_open_;
  std::function<void(exchange_result)> on_answer_;
  std::function<void()> on_lost_;

  std::string output_;
  std::array<char, 4096> input_{};
  std::string pending_;  ///< received and not yet parsed
  std::unique_ptr<transport_answer> answer_;
};

}  // namespace social::push
