// The table of the public API: every method and path it knows. http/openapi.yaml describes the same ones (a test
// compares them).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace social::http {

class call;

enum class body_kind : std::uint8_t {
  none,  ///< whatever comes is read and ignored
  json,
  json_or_form,  ///< also multipart/form-data
};

/// What a route does, on the connection's I/O thread, with a complete body and a caller who is who he says.
using action = void (*)(const std::shared_ptr<call>&, std::string body);

struct route {
  std::string_view method;
  std::string_view path;  ///< template: `{name}` is any one segment
  bool needs_user = false;
  body_kind body = body_kind::none;
  action act = nullptr;
};

/// More special templates stand before more general ones.
std::span<const route> routes() noexcept;

struct route_match {
  const route* found = nullptr;
  std::array<std::string_view, 2> parameters;  ///< views into the path, in the order of the template
  std::string allowed;                         ///< only when the path is known with other methods
};

/// HEAD finds the GET route.
route_match find_route(std::string_view method, std::string_view path);

}  // namespace social::http
