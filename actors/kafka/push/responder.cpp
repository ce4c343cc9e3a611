#include "actors/kafka/push/responder.hpp"

#include <atomic>
#include <cassert>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/base/log.hpp"
#include "actors/base/reply_slot.hpp"
#include "actors/kafka/push/responder_address.hpp"
#include "actors/kafka/push/responder_values.hpp"
#include "actors/kafka/rare_line.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

/// One request on its way to its reply.
struct exchange {
  std::optional<std::string> key;
  reply_address to;
  std::string trace;
  reply_slot<void> done;  ///< whoever forgets it has the request handed over again
  exchange(const received& request, std::function<void(result<void>)> d)
      : key(request.content.key),
        to(read_reply_address(request.content)),
        trace(read_trace(request.content)),
        done(std::move(d)) {}

  [[nodiscard]] domain::command_context context(const nlohmann::json& value) const {
    domain::command_context c;
    c.trace = trace;
    c.idempotency = read_mark(value);
    return c;
  }
};
using exchange_ptr = std::shared_ptr<exchange>;

/// Failures that may be gone when the request comes again. Others would come again with it, and hold up the partition.
bool is_worth_repeating(error_code why) {
  switch (why) {
    case error_code::overloaded:
    case error_code::store_unavailable:
    case error_code::unavailable:
    case error_code::outcome_unknown:
    case error_code::io_error:
      return true;
    default:
      return false;
  }
}

/// Of failures inside of us the outside hears no more than through HTTP.
error as_told(const error& why) {
  const auto status = describe(why.code).http_status;
  return status >= 500 && status != 503 ? error{error_code::internal} : why;
}

}  // namespace

class responder::parts : public std::enable_shared_from_this<responder::parts> {
 public:
  parts(push_service service, send_function send, topic_formats formats, responder_options options)
      : service_(std::move(service)), send_(std::move(send)), formats_(std::move(formats)), options_(options) {}

  void serve(const received& request, std::function<void(result<void>)> done) {
    requests_.fetch_add(1, std::memory_order_relaxed);
    const auto x = std::make_shared<exchange>(request, std::move(done));
    const auto value = read_value(request.content.value);
    if (!value) return finish(x, value.error());
    if (is_too_old(request))
      return finish(x, error{error_code::request_timeout, "The request lay too long before it could be served"});
    if (request.content.topic == topic::subscription_request) return subscribe(x, *value);
    assert(request.content.topic == topic::push_request);
    answer_push_request(x, *value);
  }

  [[nodiscard]] responder_metrics metrics() const { return {requests_, refused_, unanswered_, forbidden_, failures_}; }

 private:
  [[nodiscard]] bool is_too_old(const received& request) const {
    return options_.clock != nullptr && request.time > 0 &&
           options_.clock->now() - request.time > options_.request_age_max_ms;
  }

  void subscribe(const exchange_ptr& x, const nlohmann::json& value) {
    auto request = read_subscribe_request(value);
    if (!request) return finish(x, request.error());
    service_.subscribe(std::move(*request), x->context(value),
                       [self = shared_from_this(), x,
                        words = words_of(value)](const result<domain::subscription::device_view>& saved) {
                         if (!saved) return self->finish(x, in_words(words, saved.error()));
                         self->finish(x, subscription_value(*saved));
                       });
  }

  void answer_push_request(const exchange_ptr& x, const nlohmann::json& value) {
    const auto request = read_push_request(value);
    if (!request) return finish(x, request.error());
    if (const auto* remove = std::get_if<protocol::remove_device_request>(&*request))
      return remove_device(x, *remove, value);
    const auto key = service_.push_key();
    if (!key) return finish(x, key.error());
    finish(x, public_key_value(*key));
  }

  void remove_device(const exchange_ptr& x, const protocol::remove_device_request& request,
                     const nlohmann::json& value) {
    service_.remove_device(request, x->context(value), [self = shared_from_this(), x, request](const auto& removed) {
      if (!removed) return self->finish(x, removed.error());
      self->finish(x, removed_value(request, *removed));
    });
  }

  /// What the reply says: a value, or what went wrong.
  void finish(const exchange_ptr& x, result<std::string> outcome) {
    const bool can_be_told = !x->to.topic.empty() && may_reply_to(x->to.topic);
    if (!outcome) {
      const auto why = outcome.error();
      const bool is_the_end = why.code == error_code::shutting_down;
      if (is_the_end || (!can_be_told && is_worth_repeating(why.code))) return x->done.answer(why);
      refused_.fetch_add(1, std::memory_order_relaxed);
      note_failure(why);
      if (!can_be_told && is_poison(why)) return x->done.answer(why);
    }
    if (!can_be_told) return leave_unanswered(x);
    reply(x, outcome);
  }

  void leave_unanswered(const exchange_ptr& x) {
    unanswered_.fetch_add(1, std::memory_order_relaxed);
    if (!x->to.topic.empty()) {
      forbidden_.fetch_add(1, std::memory_order_relaxed);
      if (forbidden_line_.is_due())
        log::warning("kafka", "a request names a reply topic where a reply would do harm: it is served, not answered");
    }
    x->done.answer(result<void>());
  }

  void reply(const exchange_ptr& x, const result<std::string>& outcome) {
    record what;
    what.topic = x->to.topic;
    what.partition = x->to.partition;
    what.key = x->key;
    if (x->to.correlation) what.headers.push_back({"kafka_correlationId", x->to.correlation});
    if (outcome) {
      write_value(what, *outcome, formats_);
    } else {
      const auto told = as_told(outcome.error());
      write_value(what, error_value(told), formats_);
      what.headers.push_back({"x-error-code", std::string(describe(told.code).word)});
      what.headers.push_back({"x-error-message", std::string(told.text())});
    }
    if (!x->trace.empty()) what.headers.push_back({"traceparent", x->trace});
    send_(std::move(what), [self = shared_from_this(), x](const result<placed>& sent) { self->replied(x, sent); });
  }

  void replied(const exchange_ptr& x, const result<placed>& sent) {
    if (sent) return x->done.answer(result<void>());
    if (sent.error().code == error_code::shutting_down) return x->done.answer(sent.error());
    failures_.fetch_add(1, std::memory_order_relaxed);
    if (reply_line_.is_due())
      log::warning("kafka", "a reply could not be sent; its request was served",
                   {{"topic", x->to.topic}, {"reason", sent.error().text()}});
    x->done.answer(result<void>());
  }

  void note_failure(const error& why) {
    if (describe(why.code).http_status < 500 || !failure_line_.is_due()) return;
    log::warning("kafka", "a request failed for a reason of ours",
                 {{"code", describe(why.code).word}, {"reason", why.text()}});
  }

  const push_service service_;
  const send_function send_;
  const topic_formats formats_;
  const responder_options options_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> unanswered_{0};
  std::atomic<std::uint64_t> forbidden_{0};
  std::atomic<std::uint64_t> failures_{0};
  rare_line forbidden_line_;
  rare_line reply_line_;
  rare_line failure_line_;
};

responder::responder(push_service service, sender& replies, topic_formats formats, responder_options options)
    : responder(
          std::move(service), [&replies](record what, auto done) { replies.send(std::move(what), std::move(done)); },
          std::move(formats), options) {}

responder::responder(push_service service, send_function send, topic_formats formats, responder_options options)
    : parts_(std::make_shared<parts>(std::move(service), std::move(send), std::move(formats), options)) {}

responder::~responder() = default;

void responder::serve(const received& request, std::function<void(result<void>)> done) {
  parts_->serve(request, std::move(done));
}

responder_metrics responder::metrics() const {
  return parts_->metrics();
}

}  // namespace social::kafka
