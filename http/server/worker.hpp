// One I/O thread: an event loop, its connections, a queue for work from other threads, and a coarse clock. Private to
// http/server.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/server/admission.hpp"
#include "http/server/identity.hpp"
#include "http/server/response_writer.hpp"
#include "http/server/server.hpp"
#include "http/server/transport.hpp"

namespace social::http {

class session;

/// Executors by their own type: the type-erased default costs an allocation per operation.
using io_executor = boost::asio::io_context::executor_type;
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, io_executor>;
using coarse_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      io_executor>;

/// What all threads of a server share. Outlives every connection, also those that only a late answer still holds.
struct server_core {
  server_core(server_options given, handler& h, exchange_observer* o)
      : options(std::move(given)),
        api(h),
        observer(o),
        gate(options.connections_max, options.connections_per_address_max) {}

  [[nodiscard]] bool trusts(const ip_address& peer) const noexcept;
  /// Gives back what a connection held.
  void leave(const ip_address& peer, bool admitted);

  const server_options options;
  handler& api;
  exchange_observer* observer;
  std::vector<address_range> trusted;
  std::shared_ptr<tls_context> tls;
  admission gate;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> being_refused{0};  ///< connections that are only told that the server is full
};

std::int64_t steady_now_ms() noexcept;

/// An accepted socket on its way to a session. Closes it and gives its place at the gate back unless a session took it.
struct arrival {
  arrival(server_core& owner, int handle, const ip_address& from, bool was_admitted);
  ~arrival();
  arrival(const arrival&) = delete;
  arrival& operator=(const arrival&) = delete;

  server_core& core;
  int socket;
  ip_address peer;
  bool admitted;  ///< holds a place at the gate; else the client is only told that the server is full
};

class worker : public std::enable_shared_from_this<worker> {
 public:
  worker(std::shared_ptr<server_core> core, std::size_t index);
  ~worker();

  // From any thread.
  void post(std::function<void()> work);
  /// Takes over an accepted, non-blocking socket.
  void adopt(int socket, const ip_address& peer, bool admitted);
  void drain();
  void start();
  /// Cuts all connections and waits for the thread.
  void stop();
  [[nodiscard]] bool is_current() const noexcept;
  [[nodiscard]] const thread_statistics& counts() const noexcept { return counts_; }
  [[nodiscard]] std::size_t index() const noexcept { return index_; }
  [[nodiscard]] const server_core& core() const noexcept { return *core_; }
  [[nodiscard]] server_core& core() noexcept { return *core_; }

  // On its own thread.
  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  /// Input is read here first, so that an idle connection holds no buffer.
  [[nodiscard]] std::span<char> scratch() noexcept { return scratch_; }
  [[nodiscard]] id_maker& ids() noexcept { return ids_; }
  [[nodiscard]] thread_statistics& counts() noexcept { return counts_; }
  std::string_view date();
  void forget(session& gone);
  /// Runs at every tick as well; for the acceptor.
  void on_tick(std::function<void()> also) { also_on_tick_ = std::move(also); }

 private:
  void run();
  bool run_some();
  void run_queue();
  void open(arrival& arrived);
  void schedule_tick();
  void tick();
  void cut();

  std::shared_ptr<server_core> core_;
  const std::size_t index_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<io_executor> stays_;
  coarse_timer timer_;
  std::vector<std::shared_ptr<session>> sessions_;
  std::vector<char> scratch_;
  id_maker ids_;
  date_line date_;
  thread_statistics counts_;
  std::function<void()> also_on_tick_;
  bool cut_ = false;

  std::mutex queue_mutex_;
  std::vector<std::function<void()>> queue_;
  bool queue_closed_ = false;
  std::vector<std::function<void()>> running_;
  std::thread thread_;
};

}  // namespace social::http
