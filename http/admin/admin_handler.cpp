#include "http/admin/admin_handler.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "actors/base/digest.hpp"
#include "actors/base/json_guard.hpp"
#include "actors/base/json_writer.hpp"
#include "actors/base/text.hpp"
#include "http/admin/actor_json.hpp"
#include "http/server/address.hpp"
#include "http/server/envelope.hpp"

namespace social::http::admin {
namespace {

enum class page : std::uint8_t { livez, readyz, metrics, actors, actor, report, replay, backup };

struct route {
  page shown;
  std::string name;  ///< of the report, or the actor's kind
  std::string id;    ///< of the actor, or the dead letter
  [[nodiscard]] bool is_post() const noexcept { return shown == page::replay || shown == page::backup; }
  /// A backup changes nothing that is served: the token is enough.
  [[nodiscard]] bool needs_write() const noexcept { return shown == page::replay; }
};

constexpr std::array<std::string_view, 6> reports{"push", "kafka", "subscribers", "shards", "journals", "dead-letters"};

/// `{id}/replay`. An id is a word of the report, with `:` and `.`, and never with a slash.
std::optional<route> find_dead_letter(std::string_view path) {
  constexpr std::string_view action = "/replay";
  if (!path.ends_with(action)) return std::nullopt;
  path.remove_suffix(action.size());
  if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
  return route{page::replay, {}, std::string(path)};
}

std::optional<route> find_route(std::string_view path) {
  if (path == "/livez") return route{page::livez, {}, {}};
  if (path == "/readyz") return route{page::readyz, {}, {}};
  if (path == "/metrics") return route{page::metrics, {}, {}};
  constexpr std::string_view base = "/admin/";
  if (!path.starts_with(base)) return std::nullopt;
  path.remove_prefix(base.size());
  if (path == "actors") return route{page::actors, {}, {}};
  if (path == "backup") return route{page::backup, {}, {}};
  if (std::find(reports.begin(), reports.end(), path) != reports.end())
    return route{page::report, std::string(path), {}};
  constexpr std::string_view dead_letters = "dead-letters/";
  if (path.starts_with(dead_letters)) return find_dead_letter(path.substr(dead_letters.size()));
  constexpr std::string_view actors = "actors/";
  if (!path.starts_with(actors)) return std::nullopt;
  path.remove_prefix(actors.size());
  const auto slash = path.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == path.size()) return std::nullopt;
  const auto id = path.substr(slash + 1);
  if (id.find('/') != std::string_view::npos) return std::nullopt;
  return route{page::actor, std::string(path.substr(0, slash)), std::string(id)};
}

/// What clients send along with a call that takes no body, such as `{}`.
constexpr std::size_t ignored_body_bytes_max = 1024;
/// A path of the longest kind that the system takes, with every character escaped.
constexpr std::size_t backup_body_bytes_max = std::size_t{32} << 10;

std::size_t body_bytes_max(page of) noexcept {
  if (of == page::replay) return ignored_body_bytes_max;
  return of == page::backup ? backup_body_bytes_max : 0;
}

/// Decimal without sign, spaces or leading zeros, at most `max`. Zero counts: shard 0 is an actor, too.
std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size() || value > max ||
      (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  return value;
}

/// Takes as long for every wrong token of any length: digests are compared, and all of their bytes.
bool is_same_secret(std::string_view given, std::string_view wanted) {
  const auto a = sha256(given);
  const auto b = sha256(wanted);
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? std::string_view{} : host.substr(0, end + 1);
  }
  return host.substr(0, host.find(':'));
}

bool is_same_host(std::string_view a, std::string_view b) {
  const auto first = parse_address(a);
  const auto second = parse_address(b);
  if (first || second) return first == second;
  return ascii_lower(a) == ascii_lower(b);
}

/// Reads one number of the query; a wrong one becomes a field error.
void read_number(const request_head& head, std::string_view name, std::uint64_t min, std::uint64_t max,
                 std::optional<std::uint64_t>& out, error& invalid) {
  std::string text;
  if (!head.query_value(name, text)) return;
  out = whole_number(text, max);
  if (!out || *out < min)
    invalid.fields.push_back(
        {std::string(name), "must be a whole number of " + std::to_string(min) + "-" + std::to_string(max)});
}

error wrong_directory(const std::string& why) {
  error invalid(error_code::invalid_input);
  invalid.fields.push_back({"dir", why});
  return invalid;
}

/// The member `dir` of a body. Errors: malformed_json, invalid_input.
result<std::string> directory_of(const std::string& body) {
  const auto json = parse_json(body);
  if (!json) return json.error();
  auto missing = wrong_directory("must be the whole path of a directory, from / on");
  if (!json->is_object()) return missing;
  const auto found = json->find("dir");
  if (found == json->end() || !found->is_string() || found->get<std::string>().empty()) return missing;
  return found->get<std::string>();
}

/// What is asked for is being done for somebody else already.
response conflict(const std::string& why) {
  response shown;
  shown.status = 409;
  json_writer(shown.body)
      .begin_object()
      .member("success", false)
      .key("error")
      .begin_object()
      .member("message", std::string_view(why))
      .member("status", 409)
      .member("code", "conflict")
      .end_object()
      .end_object();
  return shown;
}

}  // namespace

admin_handler::admin_handler(admin_options options, protocol::inspection& inside, admin_actions actions)
    : options_(std::move(options)), inside_(inside), actions_(std::move(actions)) {}

/// A page of some other site whose name was made to point here must not reach the admin API through a browser: the name
/// it sends is not ours (DNS rebinding). Bound to every address, each number is one of ours; a name still is not.
bool admin_handler::is_own_host(std::string_view host) const {
  const auto name = without_port(host);
  if (name.empty()) return false;
  for (const std::string_view own : {"localhost", "127.0.0.1", "::1"})
    if (is_same_host(name, own)) return true;
  if (is_same_host(name, options_.address)) return true;
  const bool is_everywhere = options_.address == "0.0.0.0" || options_.address == "::" || options_.address == "[::]";
  if (is_everywhere && parse_address(name)) return true;
  return std::any_of(options_.host_names.begin(), options_.host_names.end(),
                     [&](const auto& own) { return is_same_host(name, own); });
}

bool admin_handler::has_token(const request_head& head) const {
  constexpr std::string_view scheme = "bearer ";
  const auto value = head.find("Authorization");
  if (options_.token.empty() || head.count("Authorization") != 1 || value.size() <= scheme.size()) return false;
  if (ascii_lower(value.substr(0, scheme.size())) != scheme) return false;
  return is_same_secret(value.substr(scheme.size()), options_.token);
}

head_decision admin_handler::decide(const request_head& head) {
  if (!is_own_host(head.find("Host"))) {
    return failure({error_code::forbidden, "The Host header names no address or name of this listener"},
                   head.request_id);
  }
  auto found = find_route(head.path);
  if (!found) return failure(error_code::route_not_found, head.request_id);
  const std::string_view method = found->is_post() ? "POST" : "GET";
  if (head.method != method) return method_not_allowed(found->is_post() ? "POST" : "GET, HEAD", head.request_id);
  const bool is_open = found->shown == page::livez || found->shown == page::readyz ||
                       (found->shown == page::metrics && !options_.metrics_auth);
  if (!is_open && !has_token(head)) {
    auto refused = failure(error_code::unauthorized, head.request_id);
    refused.headers.push_back({"WWW-Authenticate", "Bearer"});
    return refused;
  }
  if (found->needs_write() && !options_.write) {
    return failure(
        {error_code::forbidden, "This listener only looks; start the process with --admin.write to allow it"},
        head.request_id);
  }
  const auto bytes = body_bytes_max(found->shown);
  return body_plan{bytes, std::make_shared<route>(std::move(*found))};
}

void admin_handler::handle(std::shared_ptr<const request_head> head, std::string body, std::shared_ptr<void> state,
                           respond answer) {
  const auto& asked = *std::static_pointer_cast<route>(state);
  switch (asked.shown) {
    case page::livez: {
      response alive;
      alive.body = R"({"status":"ok"})";
      return answer(std::move(alive));
    }
    case page::readyz:
      return answer(readiness());
    case page::metrics: {
      response text;
      text.content_type = "text/plain; version=0.0.4; charset=utf-8";
      text.body = inside_.metrics();
      return answer(std::move(text));
    }
    case page::actors:
      return answer(list_actors(*head));
    case page::report:
      return answer(report(*head, asked.name));
    case page::replay:
      return replay(*head, asked.id, answer);
    case page::backup:
      return backup(*head, body, answer);
    case page::actor: {
      const auto id = whole_number(asked.id, max_id);
      if (id) return show_actor(*head, asked.name, *id, answer);
      error invalid(error_code::invalid_input);
      invalid.fields.push_back({"id", "must be a decimal id"});
      return answer(failure(invalid, head->request_id));
    }
  }
}

response admin_handler::refuse(const error& why, std::string_view request_id) {
  return failure(why, request_id);
}

void admin_handler::show_actor(const request_head& head, const std::string& kind, id_t id, const respond& answer) {
  inside_.actor(kind, id, [answer, request_id = head.request_id](const result<protocol::actor_detail>& found) {
    if (!found) return answer(failure(found.error(), request_id));
    answer(success(to_json(*found)));
  });
}

void admin_handler::replay(const request_head& head, const std::string& id, const respond& answer) {
  inside_.replay(id, [answer, id, request_id = head.request_id](const result<void>& replayed) {
    if (replayed) {
      std::string out;
      json_writer(out).begin_object().member("id", std::string_view(id)).member("replayed", true).end_object();
      return answer(success(std::move(out)));
    }
    const auto& why = replayed.error();
    if (why.code != error_code::not_found) return answer(failure(why, request_id));
    answer(failure({error_code::not_found, "There is no dead letter of this id, or it is not remembered any more"},
                   request_id));
  });
}

void admin_handler::backup(const request_head& head, const std::string& body, const respond& answer) {
  if (!actions_.backup)
    return answer(failure({error_code::not_found, "This process makes no backups"}, head.request_id));
  auto directory = directory_of(body);
  if (!directory) return answer(failure(directory.error(), head.request_id));
  actions_.backup(std::move(*directory), [answer, request_id = head.request_id](const backup_answer& done) {
    switch (done.what) {
      case backup_answer::outcome::made:
        return answer(success(done.text));
      case backup_answer::outcome::refused:
        return answer(failure(wrong_directory(done.text), request_id));
      case backup_answer::outcome::busy:
        return answer(conflict(done.text));
      case backup_answer::outcome::failed:
        return answer(failure({error_code::unavailable, done.text}, request_id));
    }
  });
}

response admin_handler::list_actors(const request_head& head) const {
  error invalid(error_code::invalid_input);
  std::optional<std::uint64_t> shard;
  std::optional<std::uint64_t> limit;
  read_number(head, "shard", 0, 65'535, shard, invalid);
  read_number(head, "limit", 1, options_.actors_limit_max, limit, invalid);
  protocol::actor_filter filter;
  std::string sort;
  if (head.query_value("sort", sort)) {
    if (const auto order = order_from(sort))
      filter.order = *order;
    else
      invalid.fields.push_back({"sort", "must be mailbox, busy or age"});
  }
  if (!invalid.fields.empty()) return failure(invalid, head.request_id);
  (void)head.query_value("kind", filter.kind);
  if (shard) filter.shard = static_cast<shard_t>(*shard);
  if (limit) filter.limit = static_cast<std::size_t>(*limit);
  return success(to_json(inside_.actors(filter)));
}

/// 503 when one check fails: whoever asks (a load balancer, a start script) looks at the status alone; people read on.
response admin_handler::readiness() const {
  const auto checks = inside_.readiness();
  const bool is_ready = std::all_of(checks.begin(), checks.end(), [](const auto& check) { return check.ok; });
  response shown;
  shown.status = is_ready ? 200 : 503;
  if (!is_ready) shown.headers.push_back({"Retry-After", "1"});
  shown.headers.push_back({"Cache-Control", "no-store"});
  shown.body = to_json(checks, is_ready);
  return shown;
}

response admin_handler::report(const request_head& head, const std::string& name) const {
  auto json = inside_.report(name);
  if (!json) return failure({error_code::not_found, "This process has no such report"}, head.request_id);
  return success(std::move(*json));
}

}  // namespace social::http::admin
