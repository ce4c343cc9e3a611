// Accepts connections on the first I/O thread and hands each to the thread that serves the fewest. Private to
// http/server.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/server/worker.hpp"

namespace social::http {

/// Made and bound by the owner before the threads start; afterwards it belongs to the first worker's thread.
class listener : public std::enable_shared_from_this<listener> {
 public:
  listener(std::shared_ptr<server_core> core, std::vector<std::shared_ptr<worker>> workers);

  result<std::uint16_t> bind();
  void start();
  /// On the first worker's thread.
  void close();

 private:
  void wait();
  void accept_waiting();
  worker& least_loaded();

  std::shared_ptr<server_core> core_;
  std::vector<std::shared_ptr<worker>> workers_;
  boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, io_executor> acceptor_;
  std::vector<std::uint64_t> handed_out_;  ///< connections given to each worker, those still in its queue included
  std::size_t next_ = 0;
  bool exhausted_ = false;  ///< no descriptors or memory: tried again at the next tick
};

}  // namespace social::http
