#include "actors/push/transport_resolver.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace social::push {
namespace {

using steady = std::chrono::steady_clock;

result<std::vector<ip_address>> system_look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0)
    return error{error_code::unavailable, ::gai_strerror(failed)};
  std::vector<ip_address> addresses;
  for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
    ip_address address;
    if (entry->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(entry->ai_addr);
      std::memcpy(address.bytes.data(), &v4->sin_addr, 4);
    } else if (entry->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(entry->ai_addr);
      std::memcpy(address.bytes.data(), &v6->sin6_addr, 16);
      address.v6 = true;
    } else {
      continue;
    }
    addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

/// Outlives the resolver in threads that hang in a look-up.
struct transport_resolver::shared {
  struct worker {
    std::thread thread;
    bool looking_up = false;
  };
  struct kept {
    std::vector<ip_address> addresses;
    steady::time_point until;
  };

  look_up_function look_up;
  std::size_t threads_max = 0;
  std::size_t waiting_max = 0;
  std::size_t entries_max = 0;
  std::chrono::milliseconds keep_for{};

  std::mutex mutex;
  std::condition_variable work;
  bool stopped = false;
  std::size_t idle_threads = 0;
  std::deque<std::string> queue;
  std::map<std::string, std::vector<callback>> asked;  ///< queued or being looked up
  std::map<std::string, kept> cache;
  std::vector<std::unique_ptr<worker>> workers;

  void keep(const std::string& host, const std::vector<ip_address>& addresses) {
    const auto now = steady::now();
    if (cache.size() >= entries_max) std::erase_if(cache, [&](const auto& entry) { return entry.second.until <= now; });
    if (cache.size() >= entries_max) cache.erase(cache.begin());
    cache.insert_or_assign(host, kept{addresses, now + keep_for});
  }

  /// A look-up that throws is a failed one.
  result<std::vector<ip_address>> look(const std::string& host) const {
    try {
      return look_up(host);
    } catch (const std::exception& e) {
      return error{error_code::unavailable, e.what()};
    }
  }

  static void run(const std::shared_ptr<shared>& self, worker& own) {
    std::unique_lock lock(self->mutex);
    while (true) {
      ++self->idle_threads;
      self->work.wait(lock, [&] { return self->stopped || !self->queue.empty(); });
      --self->idle_threads;
      if (self->stopped) return;
      const std::string host = std::move(self->queue.front());
      self->queue.pop_front();
      own.looking_up = true;
      lock.unlock();
      const auto found = self->look(host);
      lock.lock();
      if (self->stopped) return;  // `own` may be gone
      own.looking_up = false;
      if (found && !found->empty()) self->keep(host, *found);
      const auto callbacks = std::move(self->asked[host]);
      self->asked.erase(host);
      lock.unlock();
      for (const auto& done : callbacks) done(found);
      lock.lock();
    }
  }
};

transport_resolver::transport_resolver(const transport_options& options) : shared_(std::make_shared<shared>()) {
  shared_->look_up = options.look_up ? options.look_up : system_look_up;
  shared_->threads_max = options.look_up_threads_max;
  shared_->waiting_max = options.look_ups_waiting_max;
  shared_->entries_max = std::max<std::size_t>(options.look_up_cache_entries_max, 1);
  shared_->keep_for = std::chrono::milliseconds(options.look_up_cache_ms);
}

transport_resolver::~transport_resolver() {
  stop();
}

void transport_resolver::resolve(const std::string& host, callback done) {
  std::unique_lock lock(shared_->mutex);
  if (shared_->stopped) return;
  if (const auto found = shared_->cache.find(host);
      found != shared_->cache.end() && found->second.until > steady::now()) {
    const auto addresses = found->second.addresses;
    lock.unlock();
    done(addresses);
    return;
  }
  if (const auto same = shared_->asked.find(host); same != shared_->asked.end()) {
    same->second.push_back(std::move(done));
    return;
  }
  if (shared_->queue.size() >= shared_->waiting_max) {
    lock.unlock();
    done(error{error_code::overloaded, "too many host names wait for their look-up"});
    return;
  }
  shared_->asked[host].push_back(std::move(done));
  shared_->queue.push_back(host);
  if (shared_->idle_threads < shared_->queue.size() && shared_->workers.size() < shared_->threads_max) {
    auto& worker = *shared_->workers.emplace_back(std::make_unique<shared::worker>());
    worker.thread = std::thread([self = shared_, &worker] { shared::run(self, worker); });
  }
  shared_->work.notify_one();
}

void transport_resolver::forget(const std::string& host) {
  const std::lock_guard lock(shared_->mutex);
  shared_->cache.erase(host);
}

void transport_resolver::stop() {
  std::vector<std::thread> to_join;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopped = true;
    shared_->queue.clear();
    shared_->asked.clear();
    for (auto& worker : shared_->workers) {
      if (worker->looking_up)
        worker->thread.detach();
      else
        to_join.push_back(std::move(worker->thread));
    }
    shared_->workers.clear();
  }
  shared_->work.notify_all();
  for (auto& thread : to_join) thread.join();
}

}  // namespace social::push
