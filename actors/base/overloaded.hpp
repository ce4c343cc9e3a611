// One function object out of several lambdas, for std::visit.
#pragma once

namespace social {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace social
