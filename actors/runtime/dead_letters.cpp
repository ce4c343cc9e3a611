#include "actors/runtime/dead_letters.hpp"

namespace social::runtime {

void dead_letter_office::add(dead_letter letter, std::uint64_t times) {
  const std::lock_guard lock(mutex_);
  counts_[letter.reason] += times;
  kept_.push_back(std::move(letter));
  if (kept_.size() > kept_max_) kept_.pop_front();
}

std::map<std::string, std::uint64_t> dead_letter_office::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::vector<dead_letter> dead_letter_office::newest(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<dead_letter> letters;
  for (auto it = kept_.rbegin(); it != kept_.rend() && letters.size() < limit; ++it) letters.push_back(*it);
  return letters;
}

}  // namespace social::runtime
