#include "http/server/transport.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/socket.h>
#include <sys/uio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace social::http {
namespace {

transferred plain_result(ssize_t returned) noexcept {
  if (returned > 0) return {transfer::done, static_cast<std::size_t>(returned)};
  if (returned == 0) return {transfer::closed};
  return {errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? transfer::wants_read : transfer::failed};
}

error tls_error(const std::string& what) {
  std::array<char, 160> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return {error_code::io_error, what + ": " + text.data()};
}

int choose_http11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                  unsigned int in_size, void*) {
  static constexpr std::array<unsigned char, 9> http11{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_size, http11.data(), http11.size(), in, in_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

result<std::shared_ptr<tls_context>> tls_context::load(const std::string& certificate_file,
                                                       const std::string& key_file) {
  SSL_CTX* made = SSL_CTX_new(TLS_server_method());
  if (made == nullptr) return tls_error("TLS cannot be set up");
  std::shared_ptr<tls_context> context(new tls_context(made));
  SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
  SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(made,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(made, choose_http11, nullptr);
  if (SSL_CTX_use_certificate_chain_file(made, certificate_file.c_str()) != 1)
    return tls_error("the certificate " + certificate_file + " cannot be used");
  if (SSL_CTX_use_PrivateKey_file(made, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(made) != 1)
    return tls_error("the key " + key_file + " cannot be used");
  // OpenSSL writes with write(2): a client that went away must not end the process.
  (void)std::signal(SIGPIPE, SIG_IGN);
  return context;
}

tls_context::~tls_context() {
  SSL_CTX_free(context_);
}

transport::transport(int socket, const tls_context* tls) : socket_(socket) {
  if (tls == nullptr) return;
  tls_ = SSL_new(tls->get());
  if (tls_ == nullptr) throw std::bad_alloc();
  SSL_set_fd(tls_, socket_);
  SSL_set_accept_state(tls_);
}

transport::~transport() {
  SSL_free(tls_);
}

transferred transport::tls_result(int returned) noexcept {
  if (returned > 0) return {transfer::done, static_cast<std::size_t>(returned)};
  const int why = SSL_get_error(tls_, returned);
  ERR_clear_error();
  switch (why) {
    case SSL_ERROR_WANT_READ:
      return {transfer::wants_read};
    case SSL_ERROR_WANT_WRITE:
      return {transfer::wants_write};
    case SSL_ERROR_ZERO_RETURN:
      return {transfer::closed};
    default:
      return {transfer::failed};
  }
}

transferred transport::read(std::span<char> into) noexcept {
  if (tls_ != nullptr) return tls_result(SSL_read(tls_, into.data(), static_cast<int>(into.size())));
  return plain_result(::recv(socket_, into.data(), into.size(), 0));
}

transferred transport::write(std::string_view first, std::string_view second) noexcept {
  if (tls_ != nullptr) {
    const auto piece = first.empty() ? second : first;
    return tls_result(SSL_write(tls_, piece.data(), static_cast<int>(piece.size())));
  }
  transferred sent{};
  if (second.empty()) {
    sent = plain_result(::send(socket_, first.data(), first.size(), MSG_NOSIGNAL));
  } else {
    std::array<iovec, 2> pieces{};
    pieces[0] = {const_cast<char*>(first.data()), first.size()};
    pieces[1] = {const_cast<char*>(second.data()), second.size()};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    sent = plain_result(::sendmsg(socket_, &message, MSG_NOSIGNAL));
  }
  if (sent.state == transfer::wants_read) sent.state = transfer::wants_write;
  return sent;
}

bool transport::has_buffered() const noexcept {
  return tls_ != nullptr && SSL_has_pending(tls_) == 1;
}

void transport::shutdown_send() noexcept {
  if (tls_ != nullptr) {
    SSL_shutdown(tls_);
    ERR_clear_error();
  }
  ::shutdown(socket_, SHUT_WR);
}

}  // namespace social::http
