// Passwords are hashed (Argon2id, RFC 9106) by a few threads of their own, never by a request thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "actors/base/result.hpp"

namespace social::http::auth {

struct password_options {
  std::size_t threads = 2;
  std::size_t queue_max = 64;                   ///< waiting jobs; beyond it: overloaded
  std::size_t memory_bytes = 19 * 1024 * 1024;  ///< per running hash; at least 8 MiB outside of tests
  std::uint64_t passes = 2;
  std::function<void()> shed{};  ///< told of each job that is refused because the queue is full; on the caller's thread
};

/// Owned by the composition root; `stop` (or the destructor) ends the threads after the job in hand and answers what
/// still waits with shutting_down. Callbacks are called exactly once, on a thread of the pool, or on the caller's when
/// the job is refused (overloaded with Retry-After 1, shutting_down); they must not block for long.
class password_pool {
 public:
  using hash_done = std::function<void(result<std::string>)>;
  using verify_done = std::function<void(result<bool>)>;

  explicit password_pool(password_options options);
  password_pool(const password_pool&) = delete;
  password_pool& operator=(const password_pool&) = delete;
  ~password_pool();

  /// -> PHC text (`$argon2id$...`). Errors: overloaded (queue full, no memory), shutting_down.
  void hash(std::string password, hash_done done);
  /// -> whether `password` fits `hash`.
  void verify(std::string hash, std::string password, verify_done done);
  /// Costs what `verify` costs and answers false: for somebody who does not exist, so that time tells nothing.
  void verify_nobody(std::string password, verify_done done);

  void stop();
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct job {
    std::string password;
    std::string expected;  ///< only for verifying
    std::variant<hash_done, verify_done> done;
  };
  void add(job what);
  void run();
  void work(job& what) const;
  [[nodiscard]] result<std::string> hash_now(const std::string& password) const;

  password_options options_;
  std::string nobody_;  ///< hash of a random password
  mutable std::mutex lock_;
  std::condition_variable changed_;
  std::deque<job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace social::http::auth
