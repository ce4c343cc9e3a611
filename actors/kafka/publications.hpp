// What events of a journal become: records for Kafka, in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/kafka/record.hpp"

namespace social::kafka {

/// What one event of a journal record becomes.
struct publication {
  std::uint64_t sequence = 0;
  record what;
  /// What filled the record last may leave a mark here, and spare itself what it would fill in the same again. Who
  /// takes the record away, or changes it, resets it.
  const void* form = nullptr;
};

/// A list that fills its records again after `clear`: most of what a record costs is the memory of its strings and
/// headers, and this way they keep it. Used by one thread.
class publications {
 public:
  /// Where the next one goes. It may hold what an earlier one held: whoever fills it sets every field, and then calls
  /// `keep`; one that is not kept was never there.
  publication& next() {
    if (size_ == all_.size()) all_.emplace_back();
    return all_[size_];
  }
  void keep() { ++size_; }
  void push_back(publication one) {
    next() = std::move(one);
    keep();
  }

  void clear() {
    size_ = 0;
    if (all_.size() > kept_max) all_.resize(kept_max);
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] publication& operator[](std::size_t index) { return all_[index]; }
  [[nodiscard]] const publication& operator[](std::size_t index) const { return all_[index]; }
  /// Throws std::out_of_range.
  [[nodiscard]] const publication& at(std::size_t index) const {
    if (index >= size_) throw std::out_of_range("there are fewer publications");
    return all_[index];
  }
  [[nodiscard]] publication* begin() { return all_.data(); }
  [[nodiscard]] publication* end() { return all_.data() + size_; }
  [[nodiscard]] const publication* begin() const { return all_.data(); }
  [[nodiscard]] const publication* end() const { return all_.data() + size_; }

 private:
  static constexpr std::size_t kept_max = 64;  ///< a journal record has few events
  std::vector<publication> all_;
  std::size_t size_ = 0;
};

/// Sets the headers of a record anew, in order, where its old ones lie.
class header_filler {
 public:
  explicit header_filler(std::vector<header>& headers) : headers_(headers) {}
  ~header_filler() { headers_.resize(count_); }
  header_filler(const header_filler&) = delete;
  header_filler& operator=(const header_filler&) = delete;

  void add(std::string_view name, std::string_view value) {
    if (count_ == headers_.size()) headers_.emplace_back();
    auto& next = headers_[count_++];
    if (!next.value) next.value.emplace();
    set(next.name, name);
    set(*next.value, value);
  }

 private:
  /// Most headers are what they were, and comparing is the cheaper half.
  static void set(std::string& text, std::string_view to) {
    if (text != to) text.assign(to);
  }

  std::vector<header>& headers_;
  std::size_t count_ = 0;
};

}  // namespace social::kafka
