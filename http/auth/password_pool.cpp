#include "http/auth/password_pool.hpp"

#include <array>
#include <cassert>
#include <cstdlib>
#include <utility>

#include <sodium.h>

#include "http/auth/random.hpp"

namespace social::http::auth {
namespace {

error busy() {
  error e(error_code::overloaded);
  e.retry_after_s = 1;
  return e;
}

void refuse(std::variant<password_pool::hash_done, password_pool::verify_done>& done, const error& why) {
  std::visit([&](auto& callback) { callback(why); }, done);
}

}  // namespace

password_pool::password_pool(password_options options) : options_(std::move(options)) {
  assert(options_.threads > 0 && options_.queue_max > 0);
  if (sodium_init() < 0) std::abort();
  auto nobody = hash_now(random_bytes(16));
  if (!nobody) std::abort();  // the configured memory is not there at start: say it loudly, not at the first login
  nobody_ = std::move(*nobody);
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

password_pool::~password_pool() {
  stop();
}

void password_pool::stop() {
  std::deque<job> left;
  {
    const std::lock_guard guard(lock_);
    stopping_ = true;
    left.swap(jobs_);
  }
  changed_.notify_all();
  for (auto& each : left) refuse(each.done, error_code::shutting_down);
  for (auto& each : threads_)
    if (each.joinable()) each.join();
}

std::size_t password_pool::waiting() const {
  const std::lock_guard guard(lock_);
  return jobs_.size();
}

void password_pool::hash(std::string password, hash_done done) {
  add({std::move(password), {}, std::move(done)});
}

void password_pool::verify(std::string hash, std::string password, verify_done done) {
  add({std::move(password), std::move(hash), std::move(done)});
}

void password_pool::verify_nobody(std::string password, verify_done done) {
  add({std::move(password), nobody_, [done = std::move(done)](result<bool> fits) {
         if (!fits) return done(fits.error());
         done(false);
       }});
}

void password_pool::add(job what) {
  error why;
  {
    const std::lock_guard guard(lock_);
    if (!stopping_ && jobs_.size() < options_.queue_max) {
      jobs_.push_back(std::move(what));
      changed_.notify_one();
      return;
    }
    why = stopping_ ? error(error_code::shutting_down) : busy();
  }
  if (options_.shed && why.code == error_code::overloaded) options_.shed();
  refuse(what.done, why);
}

void password_pool::run() {
  for (;;) {
    job what;
    {
      std::unique_lock guard(lock_);
      changed_.wait(guard, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      what = std::move(jobs_.front());
      jobs_.pop_front();
    }
    work(what);
    sodium_memzero(what.password.data(), what.password.size());
  }
}

void password_pool::work(job& what) const {
  if (auto* done = std::get_if<hash_done>(&what.done)) {
    (*done)(hash_now(what.password));
  } else {
    const bool fits = crypto_pwhash_str_verify(what.expected.c_str(), what.password.data(), what.password.size()) == 0;
    std::get<verify_done>(what.done)(fits);
  }
}

result<std::string> password_pool::hash_now(const std::string& password) const {
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str_alg(text.data(), password.data(), password.size(), options_.passes, options_.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    return error{error_code::overloaded, "there is no memory to hash a password"};
  return std::string(text.data());
}

}  // namespace social::http::auth
