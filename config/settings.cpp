#include "config/settings.hpp"

namespace social::config {

std::string public_url_for(const http_settings& http, std::uint16_t bound_port) {
  if (!http.public_url.empty()) return http.public_url;
  if (http.address == "0.0.0.0") return http_url("127.0.0.1", bound_port);
  if (http.address == "::") return http_url("::1", bound_port);
  return http_url(http.address, bound_port);
}

}  // namespace social::config
