// SHA-256 of what does not fit into memory at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "actors/base/digest.hpp"

namespace social {

/// One digest: bytes in, then `finish` once. Owned and used by one thread. Throws std::runtime_error when OpenSSL
/// cannot give a context: out of memory.
class sha256_stream {
 public:
  sha256_stream();
  ~sha256_stream();
  sha256_stream(const sha256_stream&) = delete;
  sha256_stream& operator=(const sha256_stream&) = delete;

  void update(std::string_view bytes);
  sha256_digest finish();

 private:
  struct context;
  std::unique_ptr<context> context_;
};

/// 64 lower-case digits.
std::string to_hex(const sha256_digest& digest);

}  // namespace social
