// Two tables that must say the same, compared without keeping either: each is walked in its own order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace social::verify {

/// A sum over a set of byte strings that does not depend on their order. Equal sets have equal sums; different ones
/// have by accident with a probability of about 2^-128. Against somebody who chooses the bytes it proves nothing.
class fingerprint {
 public:
  void add(std::string_view bytes) noexcept {
    ++count_;
    first_ += hash(bytes, 0xCBF29CE484222325ULL);
    second_ += hash(bytes, 0x9AE16A3B2F90404FULL);
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  friend bool operator==(const fingerprint&, const fingerprint&) = default;

 private:
  /// FNV-1a from different beginnings, then the finalizer of MurmurHash3.
  static std::uint64_t hash(std::string_view bytes, std::uint64_t h) noexcept {
    for (const char c : bytes) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ULL;
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDULL;
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53ULL;
    return h ^ (h >> 33);
  }

  std::uint64_t count_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t second_ = 0;
};

/// Bytes of a few numbers and a text, for fingerprints.
template <class... Numbers>
std::string set_member(std::string_view text, Numbers... numbers) {
  std::string out;
  const auto append = [&out](std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  };
  (append(numbers), ...);
  return out.append(text);
}

}  // namespace social::verify
