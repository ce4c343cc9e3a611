#include "actors/push/transport_connection.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace social::push {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using steady = std::chrono::steady_clock;

/// An answer's status, Retry-After and the beginning of its body. Beast's own body types would reserve whatever
/// Content-Length says.
class transport_answer final : public http::basic_parser<false> {
 public:
  explicit transport_answer(const transport_options& options) : body_bytes_max_(options.answer_body_bytes_max) {
    eager(true);
    body_limit(boost::none);
    header_limit(static_cast<std::uint32_t>(options.answer_header_bytes_max));
  }

  ports::push_answer answer;
  bool overflow = false;  ///< the body has more than was kept

 private:
  using view = boost::beast::string_view;

  void on_request_impl(http::verb, view, view, int, error_code&) override {}
  void on_response_impl(int code, view, int, error_code&) override { answer.status = code; }
  void on_field_impl(http::field name, view, view value, error_code&) override {
    if (name == http::field::retry_after) answer.retry_after.assign(value.data(), value.size());
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(view body, error_code&) override { return keep(body); }
  void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, view body, error_code&) override { return keep(body); }
  void on_finish_impl(error_code&) override {}

  std::size_t keep(view body) {
    const auto kept = std::min(body.size(), body_bytes_max_ - answer.body.size());
    answer.body.append(body.data(), kept);
    overflow = overflow || kept < body.size();
    return body.size();
  }

  const std::size_t body_bytes_max_;
};

transport_connection::transport_connection(transport_context& context, const endpoint_parts& place)
    : context_(context), place_(place), socket_(context.io), timer_(context.io) {}
transport_connection::~transport_connection() = default;

// --- Opening
// ----------------------------------------------------------------------------------------------------------

void transport_connection::open(std::function<void(std::optional<connection_failure>)> done) {
  on_open_ = std::move(done);
  open_until_ = steady::now() + std::chrono::milliseconds(context_.options.connect_timeout_ms);
  if (const auto v6 = parse_ipv6(place_.host)) return resolved(std::vector{*v6});
  if (const auto v4 = parse_ipv4(place_.host)) return resolved(std::vector{*v4});
  set_timer(open_until_, [this] { fail_open("timeout", "looking the name up took too long"); });
  // The look-up may outlive this connection and even `io`'s thread: it holds neither.
  context_.resolver.resolve(place_.host, [weak = weak_from_this(), &io = context_.io](auto addresses) {
    asio::post(io, [weak, addresses = std::move(addresses)] {
      if (const auto self = weak.lock(); self && !self->closed_) self->resolved(addresses);
    });
  });
}

void transport_connection::resolved(const result<std::vector<ip_address>>& addresses) {
  if (!addresses) return fail_open("connect", "the name cannot be looked up: " + std::string(addresses.error().text()));
  addresses_ = *addresses;
  if (addresses_.empty()) return fail_open("connect", "the name has no address");
  // Judged here and connected to as they are: a second look-up could answer otherwise.
  if (!place_.allowed) std::erase_if(addresses_, [](const ip_address& a) { return is_forbidden_address(a); });
  if (addresses_.empty())
    return fail_open("address_forbidden", "the name leads to an address that may not be contacted");
  addresses_.resize(std::min(addresses_.size(), context_.options.addresses_max));
  connect_next();
}

void transport_connection::connect_next() {
  const auto now = steady::now();
  if (next_address_ == addresses_.size() || now >= open_until_) {
    context_.resolver.forget(place_.host);
    return fail_open(timed_out_ ? "timeout" : "connect", last_problem_);
  }
  const auto& address = addresses_[next_address_];
  asio::ip::address target;
  if (address.v6) {
    target = asio::ip::address_v6(address.bytes);
  } else {
    target = asio::ip::address_v4({address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]});
  }
  // A silent address gets its share of the time, so that the next one has a chance.
  const auto share = (open_until_ - now) / static_cast<std::int64_t>(addresses_.size() - next_address_);
  ++next_address_;
  timed_out_ = false;
  set_timer(now + share, [this] {
    timed_out_ = true;
    error_code ignored;
    socket_.close(ignored);
  });
  socket_.async_connect({target, place_.port},
                        [self = shared_from_this()](const error_code& failed) { self->connected(failed); });
}

void transport_connection::connected(const error_code& failed) {
  if (closed_) return;
  disarm();
  // The timer may have closed a socket that was connected in the same moment.
  if (failed || timed_out_) {
    last_problem_ = timed_out_ ? "connecting took too long" : failed.message();
    error_code ignored;
    socket_.close(ignored);
    return connect_next();
  }
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (place_.scheme == "https") return shake_hands();
  opened();
}

void transport_connection::shake_hands() {
  tls_.emplace(socket_, context_.tls);
  error_code failed;
  tls_->set_verify_mode(asio::ssl::verify_peer, failed);
  // Checks the name in the certificate, or the address when the origin names one.
  tls_->set_verify_callback(asio::ssl::host_name_verification(place_.host), failed);
  const bool literal = parse_ipv6(place_.host) || parse_ipv4(place_.host);
  if (failed || (!literal && SSL_set_tlsext_host_name(tls_->native_handle(), place_.host.c_str()) != 1))
    return fail_open("tls", "TLS cannot be set up");
  set_timer(open_until_, [this] {
    timed_out_ = true;
    error_code ignored;
    socket_.close(ignored);
  });
  tls_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const error_code& result) {
    if (self->closed_) return;
    self->disarm();
    if (self->timed_out_) return self->fail_open("timeout", "the TLS handshake took too long");
    if (!result) return self->opened();
    const long verdict = SSL_get_verify_result(self->tls_->native_handle());
    self->fail_open("tls", "the TLS handshake failed: " +
                               (verdict == X509_V_OK ? result.message() : X509_verify_cert_error_string(verdict)));
  });
}

void transport_connection::opened() {
  // From here on a read is always pending: that is how an idle connection notices that its peer has closed.
  read();
  std::exchange(on_open_, nullptr)(std::nullopt);
}

void transport_connection::fail_open(std::string failure, const std::string& what) {
  const auto done = std::exchange(on_open_, nullptr);
  close();
  if (done) done(connection_failure{std::move(failure), place_.origin + ": " + what});
}

// --- Exchanging
// -------------------------------------------------------------------------------------------------------

void transport_connection::exchange(std::string request, std::function<void(exchange_result)> done) {
  disarm();
  on_lost_ = nullptr;
  on_answer_ = std::move(done);
  answer_ = std::make_unique<transport_answer>(context_.options);
  output_ = std::move(request);
  writing_ = true;
  // A failed write is not looked at: the pending read fails as well, or brings an early answer that says why.
  const handler written = [self = shared_from_this()](const error_code& failed, std::size_t) {
    self->writing_ = static_cast<bool>(failed);
  };
  if (tls_)
    asio::async_write(*tls_, asio::buffer(output_), written);
  else
    asio::async_write(socket_, asio::buffer(output_), written);
}

void transport_connection::read() {
  const handler done = [self = shared_from_this()](const error_code& failed, std::size_t size) {
    self->received(failed, size);
  };
  if (tls_)
    tls_->async_read_some(asio::buffer(input_), done);
  else
    socket_.async_read_some(asio::buffer(input_), done);
}

void transport_connection::received(const error_code& failed, std::size_t size) {
  if (closed_) return;
  if (!on_answer_) return lose();  // closed by the peer, or bytes nobody asked for
  if (failed) {
    error_code problem;
    const bool ended = failed == asio::error::eof || failed == asio::ssl::error::stream_truncated;
    if (ended && answer_->got_some()) {  // an answer without a length ends with its connection
      answer_->put_eof(problem);
      if (!problem && answer_->is_done()) return finish(false);
    }
    return fail_exchange("closed",
                         ended ? "the connection was closed before the answer was complete" : failed.message());
  }
  pending_.append(input_.data(), size);
  parse();
}

void transport_connection::parse() {
  while (!pending_.empty()) {
    error_code failed;
    const auto used = answer_->put(asio::buffer(pending_), failed);
    pending_.erase(0, used);
    if (failed == http::error::need_more && pending_.size() <= context_.options.answer_header_bytes_max) break;
    if (failed) return fail_exchange("protocol", "the answer is no HTTP: " + failed.message());
    if (answer_->is_done()) {
      if (answer_->answer.status >= 200) return finish(answer_->keep_alive() && pending_.empty() && !writing_);
      answer_ = std::make_unique<transport_answer>(context_.options);  // 1xx: the answer proper follows
    } else if (answer_->overflow) {
      return finish(false);
    } else if (used == 0) {
      break;
    }
  }
  read();
}

void transport_connection::finish(bool reusable) {
  exchange_result result{std::move(answer_->answer), reusable && !answer_->overflow, false};
  ++exchanges_;
  const auto done = std::exchange(on_answer_, nullptr);
  if (result.reusable)
    read();
  else
    close();
  done(std::move(result));
}

void transport_connection::fail_exchange(std::string failure, const std::string& what) {
  exchange_result result;
  result.nothing_came = failure == "closed" && !answer_->got_some() && pending_.empty();
  result.answer.failure = std::move(failure);
  result.answer.detail = place_.origin + ": " + what;
  const auto done = std::exchange(on_answer_, nullptr);
  close();
  done(std::move(result));
}

// --- Being idle, ending
// -----------------------------------------------------------------------------------------------

void transport_connection::watch(std::function<void()> lost) {
  on_lost_ = std::move(lost);
  set_timer(steady::now() + std::chrono::milliseconds(context_.options.idle_timeout_ms), [this] { lose(); });
}

void transport_connection::lose() {
  const auto lost = std::exchange(on_lost_, nullptr);
  close();
  if (lost) lost();
}

void transport_connection::close() {
  if (std::exchange(closed_, true)) return;
  disarm();
  on_open_ = nullptr;
  on_answer_ = nullptr;
  on_lost_ = nullptr;
  error_code ignored;
  socket_.close(ignored);
}

void transport_connection::set_timer(steady::time_point when, std::function<void()> expired) {
  const auto round = ++timer_round_;
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this(), round, expired = std::move(expired)](const error_code& failed) {
    if (!failed && round == self->timer_round_ && !self->closed_) expired();
  });
}

void transport_connection::disarm() {
  ++timer_round_;
  timer_.cancel();
}

}  // namespace social::push
