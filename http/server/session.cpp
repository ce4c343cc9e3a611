#include "http/server/session.hpp"

namespace social::http {
namespace {

boost::asio::ip::tcp protocol_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return address.ss_family == AF_INET6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4();
}

}  // namespace

session::session(std::shared_ptr<worker> owner, arrival& arrived)
    : worker_(std::move(owner)),
      options_(worker_->core().options),
      socket_(worker_->io().get_executor(), protocol_of(arrived.socket), arrived.socket),
      transport_(arrived.socket, worker_->core().tls.get()),
      peer_(arrived.peer),
      admitted_(arrived.admitted),
      peer_is_proxy_(worker_->core().trusts(peer_)),
      peer_text_(peer_.text()) {
  arrived.socket = -1;
}

session::~session() = default;

void session::start() {
  if (admitted_) {
    set_deadline(options_.header_timeout_ms);
    return wait_readable();
  }
  // A TLS client would have to be spoken to at length before it understands a refusal.
  if (worker_->core().tls) return close();
  begin_exchange();
  refuse(error_code::overloaded);
  advance();
}

void session::close() {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  deadline_ms_ = 0;
  boost::system::error_code ignored;
  socket_.close(ignored);
  worker_->core().leave(peer_, admitted_);
  worker_->forget(*this);
}

void session::drain() {
  if (phase_ != phase::idle) return;
  // A request that lies in the socket already was sent in good faith.
  readable();
  if (phase_ == phase::idle) close();
}

void session::tick(std::int64_t now_ms) {
  if (deadline_ms_ == 0 || now_ms < deadline_ms_) return;
  deadline_ms_ = 0;
  switch (phase_) {
    case phase::header:
    case phase::body:
      worker_->counts().timeouts.add();
      refuse(error_code::request_timeout);
      return advance();
    case phase::writing:
    case phase::discarding:
      worker_->counts().timeouts.add();
      return close();
    case phase::idle:
    case phase::lingering:
      return close();
    case phase::working:
    case phase::closed:
      return;
  }
}

// --- Readiness ---

void session::wait_readable() {
  if (waits_readable_ || phase_ == phase::closed) return;
  waits_readable_ = true;
  socket_.async_wait(tcp_socket::wait_read, [self = shared_from_this()](boost::system::error_code failed) {
    self->waits_readable_ = false;
    if (self->phase_ == phase::closed) return;
    if (failed) return self->close();
    self->readable();
  });
}

void session::wait_writable() {
  if (waits_writable_ || phase_ == phase::closed) return;
  waits_writable_ = true;
  socket_.async_wait(tcp_socket::wait_write, [self = shared_from_this()](boost::system::error_code failed) {
    self->waits_writable_ = false;
    if (self->phase_ == phase::closed) return;
    if (failed) return self->close();
    if (self->phase_ == phase::writing)
      self->advance();
    else
      self->readable();
  });
}

void session::readable() {
  while (wants_input() && read_once()) {
  }
}

/// True when more may be waiting that no readiness will announce.
bool session::read_once() {
  const auto scratch = worker_->scratch();
  const auto got = transport_.read(scratch);
  switch (got.state) {
    case transfer::done:
      break;
    case transfer::wants_read:
      wait_readable();
      return false;
    case transfer::wants_write:
      wait_writable();
      return false;
    case transfer::closed:
    case transfer::failed:
      peer_done_ = true;
      close();
      return false;
  }
  if (phase_ == phase::lingering) {
    linger_read(got.bytes);
  } else {
    const std::string_view fresh(scratch.data(), got.bytes);
    if (kept_.empty()) {
      input_ = fresh;
      input_is_kept_ = false;
    } else {
      kept_.append(fresh);
      input_ = kept_;
      input_is_kept_ = true;
    }
    advance();
  }
  return transport_.has_buffered();
}

void session::linger_read(std::size_t bytes) {
  lingered_bytes_ += bytes;
  if (lingered_bytes_ > options_.linger_bytes_max) return close();
  wait_readable();
}

bool session::wants_input() const noexcept {
  return phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body || phase_ == phase::discarding ||
         phase_ == phase::lingering;
}

// --- Input ---

/// Goes as far as input and answers allow. An answer given inside `handle` comes back here while the loop runs and is
/// found by it: pipelined requests cost no stack.
void session::advance() {
  if (advancing_ || phase_ == phase::closed) return;
  advancing_ = true;
  while (step()) {
  }
  advancing_ = false;
  if (phase_ == phase::closed) return;
  keep_rest();
  if (wants_input() && !transport_.has_buffered()) wait_readable();
}

bool session::step() {
  switch (phase_) {
    case phase::idle:
    case phase::header:
      return parse_head();
    case phase::body:
      return parse_body();
    case phase::working:
      return answer_.has_value() && write_answer();
    case phase::writing:
      return write_more();
    case phase::discarding:
      return discard_rest();
    case phase::lingering:
    case phase::closed:
      return false;
  }
  return false;
}

void session::keep_rest() {
  if (input_.empty()) {
    reuse(kept_);
  } else if (input_is_kept_) {
    kept_.erase(0, kept_.size() - input_.size());
  } else {
    kept_.assign(input_);
  }
  input_ = kept_;
  input_is_kept_ = true;
}

bool session::parse_head() {
  if (phase_ == phase::idle) {
    // Some clients send a line end after a body (RFC 9112 section 2.2).
    while (input_.starts_with("\r\n")) input_.remove_prefix(2);
    if (input_.empty() || input_ == "\r") return false;
    begin_exchange();
    phase_ = phase::header;
    set_deadline(options_.header_timeout_ms);
  }
  switch (parser_->parse_head(input_)) {
    case parse_state::needs_more:
      return false;
    case parse_state::failed:
      return refuse(parser_->why());
    case parse_state::done:
      return head_complete();
  }
  return false;
}

bool session::parse_body() {
  switch (parser_->parse_body(input_)) {
    case parse_state::needs_more:
      return false;
    case parse_state::failed:
      return refuse(parser_->why());
    case parse_state::done:
      return dispatch();
  }
  return false;
}

/// Reads the rest of a refused request's body away, so that the next request on this connection can be found.
bool session::discard_rest() {
  switch (parser_->parse_body(input_)) {
    case parse_state::needs_more:
      return false;
    case parse_state::failed:
      linger();
      return false;
    case parse_state::done:
      break;
  }
  phase_ = phase::idle;
  set_deadline(options_.idle_timeout_ms);
  return true;
}

}  // namespace social::http
