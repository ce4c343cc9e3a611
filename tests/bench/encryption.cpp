// How many push messages one thread encrypts per second, and the limit: the one thing that cannot be left out for a new
// message, the two P-256 multiplications of a new key pair and its ECDH (RFC 8291 section 3.1), with OpenSSL alone.
// Rounds alternate; medians. Prints one JSON line.
#include "actors/push/encryption.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

namespace {

constexpr int rounds = 5;
constexpr auto round_time = std::chrono::milliseconds(400);

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "bench_encryption: %s\n", what);
  std::exit(1);
}

/// A new public key and a shared secret: one multiplication of the base point and one of the device's.
class key_agreement {
 public:
  key_agreement()
      : group_(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)), scratch_(BN_CTX_new()), scalar_(BN_new()) {
    device_ = EC_POINT_new(group_);
    out_ = EC_POINT_new(group_);
    draw();
    if (EC_POINT_mul(group_, device_, scalar_, nullptr, nullptr, scratch_) != 1) fail("no device key");
  }
  ~key_agreement() {
    EC_POINT_free(out_);
    EC_POINT_free(device_);
    BN_free(scalar_);
    BN_CTX_free(scratch_);
    EC_GROUP_free(group_);
  }
  key_agreement(const key_agreement&) = delete;
  key_agreement& operator=(const key_agreement&) = delete;

  void run() {
    draw();
    if (EC_POINT_mul(group_, out_, scalar_, nullptr, nullptr, scratch_) != 1 ||
        EC_POINT_mul(group_, out_, nullptr, device_, scalar_, scratch_) != 1)
      fail("the key agreement failed");
  }

 private:
  void draw() {
    if (BN_priv_rand_range(scalar_, EC_GROUP_get0_order(group_)) != 1) fail("no randomness");
  }
  EC_GROUP* group_;
  BN_CTX* scratch_;
  BIGNUM* scalar_;
  EC_POINT* device_ = nullptr;
  EC_POINT* out_ = nullptr;
};

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
  key_agreement limit;

  std::vector<double> ours;
  std::vector<double> limits;
  for (int round = 0; round < rounds; ++round) {
    limits.push_back(per_second([&] { limit.run(); }));
    ours.push_back(per_second([&] {
      if (!encrypts.encrypt(payload, public_key, auth)) fail("a message could not be encrypted");
    }));
  }
  std::printf("{\"value\":%.0f,\"limit\":%.0f,\"rounds\":%d}\n", median(ours), median(limits), rounds);
  return 0;
}
