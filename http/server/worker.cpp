#include "http/server/worker.hpp"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <pthread.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "actors/base/log.hpp"
#include "actors/base/wake_batch.hpp"
#include "http/server/session.hpp"

namespace social::http {
namespace {

constexpr std::size_t scratch_bytes = 64UL * 1024;

thread_local const worker* current_worker = nullptr;

}  // namespace

std::int64_t steady_now_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool server_core::trusts(const ip_address& peer) const noexcept {
  return std::any_of(trusted.begin(), trusted.end(), [&](const auto& range) { return range.contains(peer); });
}

arrival::arrival(server_core& owner, int handle, const ip_address& from, bool was_admitted)
    : core(owner), socket(handle), peer(from), admitted(was_admitted) {
  if (!admitted) ++core.being_refused;
}

arrival::~arrival() {
  if (socket < 0) return;
  ::close(socket);
  core.leave(peer, admitted);
}

void server_core::leave(const ip_address& peer, bool admitted) {
  if (admitted)
    gate.release(peer);
  else
    --being_refused;
}

// Only its own thread touches sockets and timers, so the reactor needs no locks; posting from elsewhere stays safe.
worker::worker(std::shared_ptr<server_core> core, std::size_t index)
    : core_(std::move(core)),
      index_(index),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      stays_(io_.get_executor()),
      timer_(io_.get_executor()),
      scratch_(scratch_bytes) {}

worker::~worker() = default;

void worker::start() {
  schedule_tick();
  thread_ = std::thread([this] { run(); });
}

void worker::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  const auto name = core_->options.thread_name + "-" + std::to_string(index_);
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  current_worker = this;
  for (;;) {
    try {
      while (run_some()) {
      }
      return;
    } catch (const std::exception& thrown) {
      log::error("http", "an I/O thread goes on after an exception", {{"what", thrown.what()}});
    }
  }
}

/// Waits for something to do; false: there will be nothing any more. Connections come in bursts, and actors are woken
/// once for what a burst asks of them.
bool worker::run_some() {
  constexpr int burst_max = 64;
  const wake_batch together;
  if (io_.run_one() == 0) return false;
  for (int left = burst_max; left > 0 && io_.poll_one() != 0;) --left;
  return true;
}

bool worker::is_current() const noexcept {
  return current_worker == this;
}

void worker::post(std::function<void()> work) {
  bool was_empty = false;
  {
    const std::lock_guard lock(queue_mutex_);
    if (queue_closed_) return;
    was_empty = queue_.empty();
    queue_.push_back(std::move(work));
  }
  if (was_empty) boost::asio::post(io_, [this] { run_queue(); });
}

void worker::run_queue() {
  {
    const std::lock_guard lock(queue_mutex_);
    running_.swap(queue_);
  }
  for (auto& work : running_) {
    try {
      work();
    } catch (const std::exception& thrown) {
      log::error("http", "posted work ended with an exception", {{"what", thrown.what()}});
    }
    work = nullptr;
  }
  running_.clear();
}

void worker::adopt(int socket, const ip_address& peer, bool admitted) {
  post([this, arrived = std::make_shared<arrival>(*core_, socket, peer, admitted)] { open(*arrived); });
}

void worker::open(arrival& arrived) {
  if (cut_ || core_->draining) return;
  auto made = std::make_shared<session>(shared_from_this(), arrived);
  made->place(sessions_.size());
  sessions_.push_back(made);
  counts_.connections_opened.add();
  made->start();
}

void worker::forget(session& gone) {
  const auto at = gone.place();
  // Held until the end: this may be the last reference to the caller.
  const auto kept = std::move(sessions_[at]);
  if (at + 1 != sessions_.size()) {
    sessions_[at] = std::move(sessions_.back());
    sessions_[at]->place(at);
  }
  sessions_.pop_back();
  counts_.connections_closed.add();
}

std::string_view worker::date() {
  return date_.at(std::time(nullptr));
}

void worker::schedule_tick() {
  timer_.expires_after(std::chrono::milliseconds(core_->options.tick_ms));
  timer_.async_wait([this](boost::system::error_code failed) {
    if (failed || cut_) return;
    tick();
    schedule_tick();
  });
}

void worker::tick() {
  const auto now = steady_now_ms();
  // From the back: one that goes away is replaced by one that was looked at already.
  for (auto i = sessions_.size(); i-- > 0;) {
    const auto held = sessions_[i];
    held->tick(now);
  }
  if (also_on_tick_) also_on_tick_();
}

void worker::drain() {
  post([this] {
    for (auto i = sessions_.size(); i-- > 0;) {
      const auto held = sessions_[i];
      held->drain();
    }
  });
}

void worker::cut() {
  cut_ = true;
  also_on_tick_ = nullptr;
  timer_.cancel();
  while (!sessions_.empty()) {
    const auto held = sessions_.back();
    held->close();
  }
  stays_.reset();
}

void worker::stop() {
  if (!thread_.joinable()) return;
  post([this] { cut(); });
  thread_.join();
  std::vector<std::function<void()>> left;
  {
    const std::lock_guard lock(queue_mutex_);
    queue_closed_ = true;
    left.swap(queue_);
  }
  // Destroyed without the lock: what work holds may post again when it goes.
}

}  // namespace social::http
