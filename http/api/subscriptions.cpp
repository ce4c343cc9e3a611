// Subscribing a device to pushes, and taking it away. The push role alone judges a subscription; here only its form is
// read.
#include "http/api/accounts.hpp"
#include "http/api/actions.hpp"
#include "http/api/call.hpp"
#include "http/api/dto.hpp"
#include "http/api/json_fields.hpp"

namespace social::http {
namespace {

/// Members of the two forms: ours, and PushSubscription.toJSON() of the browser.
struct subscription_names {
  const char* endpoint;
  const char* public_key;
  const char* auth;
};
constexpr subscription_names own_names{"notificationEndPoint", "publicKey", "auth"};
constexpr subscription_names browser_names{"endpoint", "keys.p256dh", "keys.auth"};

/// The push role names fields as we do; the caller hears the names that he used.
error in_words_of(const subscription_names& names, error why) {
  for (auto& each : why.fields) {
    if (each.field == own_names.endpoint)
      each.field = names.endpoint;
    else if (each.field == own_names.public_key)
      each.field = names.public_key;
    else if (each.field == own_names.auth)
      each.field = names.auth;
  }
  return why;
}

}  // namespace

namespace actions {

void subscribe(const call_ptr& c, std::string body) {
  auto fields = json_fields::parse(body, json_limits_of(c->core.options));
  if (!fields) return c->fail(fields.error());
  const auto& names = fields->has(own_names.endpoint) || !fields->has("endpoint") ? own_names : browser_names;
  protocol::subscribe_request request;
  request.user = c->user();
  request.endpoint = fields->required(names.endpoint);
  request.public_key = fields->required(names.public_key);
  request.auth = fields->required(names.auth);
  request.old_endpoint = fields->optional("oldEndpoint");
  request.locale = fields->optional("locale");
  request.accept_language = c->head->find("Accept-Language");
  if (!fields->problems.empty()) return c->fail(invalid_fields(std::move(fields->problems)));
  auto context = c->context({request.endpoint, request.public_key, request.auth, request.old_endpoint, request.locale});
  c->core.node.subscribe(c->io(), std::move(request), std::move(context),
                         [c, &names](result<domain::subscription::device_view> saved) {
                           c->replayed = saved && saved->replayed;
                           if (!saved) return c->fail(in_words_of(names, saved.error()));
                           c->succeed(dto::subscription(*saved));
                         });
}

/// Whose device it is, the push role knows: somebody else's is not found.
void remove_device(const call_ptr& c, std::string) {
  const auto device = c->ids[0];
  if (device == 0) return c->fail(invalid_field("id", "must be a positive number below 2^53"));
  c->core.node.remove_device(c->io(), {c->user(), device}, c->context(), [c](const auto& removed) {
    if (!removed) return c->fail(removed.error());
    c->replayed = removed->replayed;
    c->succeed("true");
  });
}

void push_key(const call_ptr& c, std::string) {
  c->core.node.push_key(c->io(), or_fail<protocol::push_key>(c, [](const call_ptr& c, const protocol::push_key& key) {
                          c->succeed(dto::push_key(key));
                        }));
}

}  // namespace actions
}  // namespace social::http
