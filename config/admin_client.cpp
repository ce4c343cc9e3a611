#include "config/admin_client.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/base/text.hpp"
#include "config/descriptor.hpp"

namespace social::config {
namespace {

struct endpoint {
  std::string host;  ///< without brackets
  std::string port;
  std::string authority;
};

result<endpoint> endpoint_of(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  const auto wrong = [&] {
    return error(error_code::invalid_input, "'" + std::string(url) + "' is not the address of an admin listener");
  };
  if (!url.starts_with(scheme)) return wrong();
  const auto authority = url.substr(scheme.size());
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  auto host = authority.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return endpoint{std::string(host), std::string(authority.substr(colon + 1)), std::string(authority)};
}

error broken(const std::string& url, const std::string& why) {
  return {error_code::outcome_unknown,
          "the server at " + url + " has not answered: " + why + "; see its log for what became of the request"};
}

result<int> connected(const endpoint& to, const admin_request& request) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found) != 0)
    return error(error_code::invalid_input, "'" + request.url + "' is not the address of an admin listener");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> address(found, ::freeaddrinfo);
  const int fd = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval timeout{};
  timeout.tv_sec = request.timeout.count();
  const bool is_ready = fd >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
                        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
                        ::connect(fd, address->ai_addr, address->ai_addrlen) == 0;
  if (is_ready) return fd;
  const std::string why = std::strerror(errno);
  if (fd >= 0) ::close(fd);
  return error(error_code::unavailable, "nobody answers at " + request.url + " (" + why + ")");
}

std::string text_of(const admin_request& request, const endpoint& to) {
  std::string text = request.method + " " + request.path + " HTTP/1.1\r\nHost: " + to.authority +
                     "\r\nAuthorization: Bearer " + request.token + "\r\nConnection: close\r\n";
  if (request.method != "GET")
    text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Everything until the server closes.
result<std::string> receive_all(int fd, const admin_request& request) {
  std::string all;
  std::string buffer(std::size_t{64} << 10, '\0');
  while (true) {
    const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return broken(request.url, std::strerror(errno));
    if (got == 0) return all;
    all.append(buffer.data(), static_cast<std::size_t>(got));
    if (all.size() > request.answer_bytes_max) return broken(request.url, "its answer is too long");
  }
}

/// `HTTP/1.1 200 OK`, headers, an empty line, as many bytes as Content-Length says.
result<admin_answer> parse(const std::string& text, const admin_request& request) {
  constexpr std::string_view version = "HTTP/1.1 ";
  const auto end = text.find("\r\n\r\n");
  if (!text.starts_with(version) || end == std::string::npos) return broken(request.url, "it closed the connection");
  admin_answer answer;
  std::from_chars(text.data() + version.size(), text.data() + end, answer.status);
  answer.body = text.substr(end + 4);
  const auto head = ascii_lower(std::string_view(text).substr(0, end + 2));
  constexpr std::string_view name = "\r\ncontent-length: ";
  std::size_t length = 0;
  const auto at = head.find(name);
  if (at != std::string::npos) std::from_chars(head.data() + at + name.size(), head.data() + head.size(), length);
  if (at == std::string::npos || answer.body.size() != length)
    return broken(request.url, "it closed the connection within its answer");
  return answer;
}

}  // namespace

result<admin_answer> ask_admin(const admin_request& request) {
  const auto to = endpoint_of(request.url);
  if (!to) return to.error();
  const auto fd = connected(*to, request);
  if (!fd) return fd.error();
  const descriptor open(*fd);
  if (!send_all(open.get(), text_of(request, *to))) return broken(request.url, std::strerror(errno));
  const auto text = receive_all(open.get(), request);
  if (!text) return text.error();
  return parse(*text, request);
}

}  // namespace social::config
