#include "http/server/identity.hpp"

#include <algorithm>
#include <random>

namespace social::http {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_hex(std::string& out, std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(hex_digits[(value >> shift) & 0xf]);
}

bool is_lower_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_all_zero(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

}  // namespace

bool is_sane_request_id(std::string_view text) noexcept {
  constexpr std::size_t size_max = 128;
  return !text.empty() && text.size() <= size_max && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

bool is_valid_traceparent(std::string_view text) noexcept {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-') return false;
  const auto trace = text.substr(3, 32);
  const auto parent = text.substr(36, 16);
  const auto flags = text.substr(53);
  return is_lower_hex(trace) && is_lower_hex(parent) && is_lower_hex(flags) && !is_all_zero(trace) &&
         !is_all_zero(parent);
}

id_maker::id_maker() {
  std::random_device device;
  const auto draw = [&] { return (std::uint64_t{device()} << 32) | device(); };
  state_ = draw();
  stream_ = draw();
}

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
std::uint64_t id_maker::next() noexcept {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

void id_maker::request_id(std::string& out) {
  out.clear();
  append_hex(out, next() ^ stream_);
  append_hex(out, next());
}

void id_maker::traceparent(std::string& out) {
  out.assign("00-");
  append_hex(out, next() ^ stream_);
  append_hex(out, next() | 1);
  out.push_back('-');
  append_hex(out, next() | 1);
  out.append("-00");
}

}  // namespace social::http
