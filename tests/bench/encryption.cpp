// How many push messages one thread encrypts per second, and the limit: the one thing that cannot be left out for a new
// message, an ECDH on P-256 with a new key pair (RFC 8291 section 3.1), with OpenSSL alone. Rounds alternate; medians.
// Prints one JSON line.
#include "actors/push/encryption.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <openssl/ec.h>
#include <openssl/evp.h>

namespace {

constexpr int rounds = 5;
constexpr auto round_time = std::chrono::milliseconds(400);

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "bench_encryption: %s\n", what);
  std::exit(1);
}

void key_agreement(EVP_PKEY* receiver) {
  EVP_PKEY* sender = EVP_EC_gen("P-256");
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(sender, nullptr);
  unsigned char secret[32];
  std::size_t size = sizeof secret;
  if (EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, receiver) != 1 ||
      EVP_PKEY_derive(context, secret, &size) != 1)
    fail("the key agreement failed");
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(sender);
}

template <class Work>
double per_second(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  auto elapsed = std::chrono::steady_clock::duration{};
  int done = 0;
  while (elapsed < round_time) {
    for (int i = 0; i < 50; ++i) work();
    done += 50;
    elapsed = std::chrono::steady_clock::now() - start;
  }
  return done / std::chrono::duration<double>(elapsed).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  namespace push = social::push;
  push::encryptor encrypts;
  const auto device = encrypts.make_key_pair();
  if (!device) fail("no key pair");
  const std::string public_key(device->public_key.begin(), device->public_key.end());
  const std::string auth(push::auth_secret_bytes, 'a');
  const std::string payload(400, 'p');
  EVP_PKEY* receiver = EVP_EC_gen("P-256");

  std::vector<double> ours;
  std::vector<double> limits;
  for (int round = 0; round < rounds; ++round) {
    limits.push_back(per_second([&] { key_agreement(receiver); }));
    ours.push_back(per_second([&] {
      if (!encrypts.encrypt(payload, public_key, auth)) fail("a message could not be encrypted");
    }));
  }
  EVP_PKEY_free(receiver);
  std::printf("{\"value\":%.0f,\"limit\":%.0f,\"rounds\":%d}\n", median(ours), median(limits), rounds);
  return 0;
}
