// What the machine gives at best: bare Beast without routing, JSON, checks or limits. The server is measured against
// it.
//
//   bench_limit_server --threads 2 --answer FILE [--store DIR --rows 700 [--sync-ms 15]]
//
// GET: the bytes of FILE (a whole answer, header included). Any other method: the same, once one thread has written the
// request's body and `rows` more bytes to RocksDB, merged with all requests that wait, and synced; each sync takes so
// many milliseconds longer than the disk does. Prints one line with its port.
// Ends when standard input does.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include "tests/support/slow_file_system.hpp"

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using net::ip::tcp;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_limit_server: %s\n", why.c_str());
  std::exit(1);
}

/// One thread writes everything that waits in one synced batch.
class committer {
 public:
  committer(const std::string& folder, std::size_t row_bytes, std::chrono::milliseconds slower)
      : rows_(row_bytes, 'r') {
    rocksdb::Options options;
    options.create_if_missing = true;
    if (slower.count() > 0) {
      slow_ = rocksdb::NewCompositeEnv(social::test::slow_file_system::make(slower));
      options.env = slow_.get();
    }
    const auto opened = rocksdb::DB::Open(options, folder, &store_);
    if (!opened.ok()) fail(opened.ToString());
    thread_ = std::thread([this] { run(); });
  }
  ~committer() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    delete store_;
  }
  committer(const committer&) = delete;
  committer& operator=(const committer&) = delete;

  void commit(std::string body, std::function<void()> done) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.emplace_back(std::move(body), std::move(done));
    }
    wake_.notify_one();
  }

 private:
  void run() {
    std::vector<std::pair<std::string, std::function<void()>>> taken;
    std::uint64_t sequence = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        taken.swap(waiting_);
      }
      rocksdb::WriteBatch batch;
      for (const auto& [body, done] : taken) {
        const auto key = std::to_string(++sequence);
        batch.Put("b" + key, body);
        batch.Put("r" + key, rows_);
      }
      rocksdb::WriteOptions synced;
      synced.sync = true;
      const auto written = store_->Write(synced, &batch);
      if (!written.ok()) fail(written.ToString());
      for (const auto& [body, done] : taken) done();
      taken.clear();
    }
  }

  std::unique_ptr<rocksdb::Env> slow_;
  rocksdb::DB* store_ = nullptr;
  const std::string rows_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::pair<std::string, std::function<void()>>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

struct settings {
  std::size_t threads = 2;
  std::string answer;
  committer* store = nullptr;
};

class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(tcp::socket socket, const settings& given) : stream_(std::move(socket)), settings_(given) {
    stream_.socket().set_option(tcp::no_delay(true));
  }
  void read() {
    request_ = {};
    beast::http::async_read(stream_, buffer_, request_, [self = shared_from_this()](beast::error_code failed, auto) {
      if (failed) return;
      if (self->request_.method() == beast::http::verb::get || self->settings_.store == nullptr) return self->write();
      self->settings_.store->commit(std::move(self->request_.body()),
                                    [self] { net::post(self->stream_.get_executor(), [self] { self->write(); }); });
    });
  }

 private:
  void write() {
    net::async_write(stream_, net::buffer(settings_.answer),
                     [self = shared_from_this()](beast::error_code failed, auto) {
                       if (!failed) self->read();
                     });
  }
  beast::tcp_stream stream_;
  const settings& settings_;
  beast::flat_buffer buffer_;
  beast::http::request<beast::http::string_body> request_;
};

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) fail("cannot read " + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void accept_next(tcp::acceptor& acceptor, std::vector<std::unique_ptr<net::io_context>>& loops, std::size_t next,
                 const settings& given) {
  auto& loop = *loops[next % loops.size()];
  acceptor.async_accept(loop, [&, next](beast::error_code failed, tcp::socket socket) {
    if (failed) return;
    auto made = std::make_shared<connection>(std::move(socket), given);
    net::post(loops[next % loops.size()]->get_executor(), [made] { made->read(); });
    accept_next(acceptor, loops, next + 1, given);
  });
}

}  // namespace

int main(int argc, char* argv[]) {
  std::map<std::string, std::string> options{{"--threads", "2"}, {"--rows", "700"}, {"--sync-ms", "0"}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  settings given{std::stoul(options["--threads"]), content_of(options["--answer"]), nullptr};
  std::unique_ptr<committer> store;
  if (const auto folder = options["--store"]; !folder.empty()) {
    store = std::make_unique<committer>(folder, std::stoul(options["--rows"]),
                                        std::chrono::milliseconds(std::stoul(options["--sync-ms"])));
    given.store = store.get();
  }

  std::vector<std::unique_ptr<net::io_context>> loops;
  for (std::size_t i = 0; i < given.threads; ++i) loops.push_back(std::make_unique<net::io_context>(1));
  tcp::acceptor acceptor(*loops.front(), {net::ip::address_v4::loopback(), 0});
  accept_next(acceptor, loops, 0, given);
  std::vector<std::thread> threads;
  for (auto& loop : loops)
    threads.emplace_back([&loop] {
      const auto stays = net::make_work_guard(*loop);
      loop->run();
    });
  std::printf("{\"ready\":{\"port\":%d,\"pid\":%d}}\n", acceptor.local_endpoint().port(), static_cast<int>(::getpid()));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  for (auto& loop : loops) loop->stop();
  for (auto& thread : threads) thread.join();
  std::fflush(stdout);
  // Connections are still held by their loops; the system takes them back.
  std::_Exit(0);
}
