// What one request is between its header and the last byte of its answer.
#include <algorithm>
#include <utility>

#include <boost/beast/core/string.hpp>

#include "actors/base/log.hpp"
#include "http/server/session.hpp"

namespace social::http {
namespace {

/// A body up to this size is copied behind its header: one buffer is cheaper to send than two.
constexpr std::size_t joined_body_max_bytes = 8UL * 1024;

std::int64_t steady_now_us() noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
}  // namespace

/// Hands an answer to its session exactly once. A handler that forgets to answer is answered for when the last copy of
/// its `respond` goes, so that no client waits for ever.
struct session::pending_answer {
  pending_answer(std::shared_ptr<session> to, std::uint64_t of) : target(std::move(to)), exchange(of) {}
  ~pending_answer() {
    if (!given.load(std::memory_order_acquire)) deliver_from_anywhere(target, exchange, std::nullopt);
  }
  pending_answer(const pending_answer&) = delete;
  pending_answer& operator=(const pending_answer&) = delete;

  void give(response answer) {
    if (!given.exchange(true, std::memory_order_acq_rel)) deliver_from_anywhere(target, exchange, std::move(answer));
  }

  std::shared_ptr<session> target;
  std::uint64_t exchange;
  std::atomic<bool> given{false};
};

void session::begin_exchange() {
  // The last head is used again when no handler holds it any more; its strings keep their memory. Copying it orders
  // that holder's reads before our writes.
  if (head_ && head_.use_count() == 1) {
    const auto seen = head_;
  } else {
    head_ = std::make_shared<request_head>();
  }
  head_->request_id.clear();
  head_->trace.clear();
  head_->method.clear();
  head_->target.clear();
  head_->path.clear();
  head_->query.clear();
  head_->io = worker_->index();
  reuse(body_);
  ++exchange_;
  answer_.reset();
  handler_state_.reset();
  head_only_ = false;
  keeps_connection_ = true;
  started_us_ = steady_now_us();
  parser_.emplace(parser_limits{options_.header_bytes_max, options_.header_fields_max, options_.target_bytes_max},
                  *head_, body_);
}

void session::name_request() {
  const auto given_id = head_->find("X-Request-Id");
  if (is_sane_request_id(given_id))
    head_->request_id.assign(given_id);
  else
    worker_->ids().request_id(head_->request_id);
  const auto given_trace = head_->find("traceparent");
  if (is_valid_traceparent(given_trace))
    head_->trace.assign(given_trace);
  else
    worker_->ids().traceparent(head_->trace);

  head_->remote_address.assign(peer_text_);
  if (!peer_is_proxy_) return;
  std::string forwarded;
  for (const auto& [name, value] : head_->headers) {
    if (!boost::beast::iequals(boost::beast::string_view(name), "X-Forwarded-For")) continue;
    if (!forwarded.empty()) forwarded.push_back(',');
    forwarded.append(value);
  }
  if (!forwarded.empty()) head_->remote_address = client_of(peer_, forwarded, worker_->core().trusted).text();
}

bool session::head_complete() {
  started_us_ = steady_now_us();
  name_request();
  keeps_connection_ = parser_->keeps_connection();
  if (head_->method == "HEAD") {
    head_only_ = true;
    head_->method = "GET";
  }
  auto decision = worker_->core().api.decide(*head_);
  if (auto* refusal = std::get_if<response>(&decision)) return answer_early(std::move(*refusal));

  auto& plan = std::get<body_plan>(decision);
  if (head_->has_content_length && head_->content_length > plan.bytes_max) return refuse(error_code::body_too_large);
  handler_state_ = std::move(plan.state);
  parser_->limit_body(plan.bytes_max);
  if (parser_->is_complete()) return dispatch();
  phase_ = phase::body;
  set_deadline(options_.body_timeout_ms);
  if (input_.empty() && parser_->expects_continue()) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    // A client that leaves no room for 25 bytes will send its body unasked, or run into the time-out.
    (void)transport_.write(go_on, {});
  }
  return true;
}

/// The session's own refusals end the connection: what follows in the stream cannot be trusted, or is not wanted.
bool session::refuse(const error& why) {
  const int status = describe(why.code).http_status;
  if (status == 400 || status == 414 || status == 431) worker_->counts().malformed.add();
  if (head_->request_id.empty()) name_request();
  answer_ = worker_->core().api.refuse(why, head_->request_id);
  answer_->close = true;
  phase_ = phase::working;
  return true;
}

bool session::answer_early(response answer) {
  if (!parser_->is_complete()) {
    // A client that waits for "100 Continue" may send its body or not: nobody knows where the next request begins.
    if (parser_->expects_continue() || head_->content_length > options_.discard_bytes_max) answer.close = true;
    parser_->limit_body(options_.discard_bytes_max);
    parser_->discard_body();
  }
  answer_ = std::move(answer);
  phase_ = phase::working;
  return true;
}

bool session::dispatch() {
  phase_ = phase::working;
  deadline_ms_ = 0;  // the handler's own deadlines count now
  auto pending = std::make_shared<pending_answer>(shared_from_this(), exchange_);
  auto respond_once = [pending](response answer) { pending->give(std::move(answer)); };
  pending.reset();
  try {
    worker_->core().api.handle(head_, std::move(body_), std::move(handler_state_), std::move(respond_once));
  } catch (const std::exception& thrown) {
    log::error("http", "a handler ended with an exception", {{"what", thrown.what()}, {"path", head_->path}});
    deliver(exchange_, std::nullopt);
  }
  return answer_.has_value();
}

void session::deliver_from_anywhere(const std::shared_ptr<session>& target, std::uint64_t exchange,
                                    std::optional<response> given) {
  if (target->worker_->is_current()) return target->deliver(exchange, std::move(given));
  target->worker_->post(
      [target, exchange, given = std::move(given)]() mutable { target->deliver(exchange, std::move(given)); });
}

void session::deliver(std::uint64_t exchange, std::optional<response> given) {
  if (phase_ != phase::working || exchange != exchange_ || answer_) return;
  if (!given) {
    log::error("http", "a request was left without an answer", {{"path", head_->path}, {"id", head_->request_id}});
    given = worker_->core().api.refuse(error_code::internal, head_->request_id);
  }
  answer_ = std::move(given);
  advance();
}

bool session::write_answer() {
  auto& answer = *answer_;
  const bool must_close = answer.close || !keeps_connection_ || worker_->core().draining;
  keeps_connection_ = !must_close;
  auto line = must_close ? connection_line::close : connection_line::none;
  if (!must_close && !parser_->is_http11()) line = connection_line::keep_alive;

  reuse(out_);
  append_head(out_, answer, head_->request_id, worker_->date(), line);
  out_second_ = {};
  if (!head_only_ && has_body(answer.status)) {
    if (answer.body.size() <= joined_body_max_bytes)
      out_.append(answer.body);
    else
      out_second_ = answer.body;
  }
  out_first_ = out_;
  out_bytes_ = out_first_.size() + out_second_.size();
  phase_ = phase::writing;
  set_deadline(options_.write_timeout_ms);
  return true;
}

bool session::write_more() {
  while (!out_first_.empty() || !out_second_.empty()) {
    const auto sent = transport_.write(out_first_, out_second_);
    switch (sent.state) {
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
        close();
        return false;
    }
    const auto of_first = std::min(sent.bytes, out_first_.size());
    out_first_.remove_prefix(of_first);
    out_second_.remove_prefix(sent.bytes - of_first);
  }
  return finish_exchange();
}

bool session::finish_exchange() {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(steady_now_us() - started_us_, 0));
  const int status = answer_->status;
  worker_->counts().record(status, us, parser_->bytes(), out_bytes_);
  if (auto* observer = worker_->core().observer)
    observer->served(head_only_ ? std::string_view("HEAD") : head_->method, status, us, parser_->bytes(), out_bytes_);
  answer_.reset();
  const bool is_read = parser_->is_complete();
  if (!keeps_connection_) {
    // Closing over unread bytes resets the connection, and the client may lose the answer.
    if (is_read && input_.empty() && !transport_.has_buffered())
      close();
    else
      linger();
    return false;
  }
  phase_ = is_read ? phase::idle : phase::discarding;
  set_deadline(is_read ? options_.idle_timeout_ms : options_.body_timeout_ms);
  return true;
}

void session::linger() {
  phase_ = phase::lingering;
  input_ = {};
  transport_.shutdown_send();
  set_deadline(options_.linger_timeout_ms);
}

}  // namespace social::http
