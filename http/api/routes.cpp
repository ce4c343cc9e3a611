#include "http/api/routes.hpp"

#include <vector>

#include "http/api/actions.hpp"

namespace social::http {
namespace {

constexpr auto table = std::to_array<route>({
    {"GET", "/api/_hcheck", false, body_kind::none, actions::health},
    {"POST", "/api/user/exists", false, body_kind::json, actions::email_exists},
    {"POST", "/api/user/join", false, body_kind::json_or_form, actions::join},
    {"POST", "/api/auth", false, body_kind::json, actions::sign_in},
    {"GET", "/api/user/me", true, body_kind::none, actions::me},
    {"POST", "/api/post", true, body_kind::json, actions::write_post},
    {"GET", "/api/user/{userId}/post/list", true, body_kind::none, actions::list_posts},
    {"GET", "/api/user/{userId}/post/{postId}", true, body_kind::none, actions::open_post},
    {"PATCH", "/api/user/{userId}/post/{postId}/like", true, body_kind::none, actions::like_post},
    {"POST", "/api/user/{userId}/post/{postId}/comment", true, body_kind::json, actions::write_comment},
    {"GET", "/api/user/{userId}/post/{postId}/comment/list", true, body_kind::none, actions::list_comments},
    {"POST", "/api/user/connections/{targetId}", true, body_kind::none, actions::request_connection},
    {"PATCH", "/api/user/connections/grant/{userId}", true, body_kind::none, actions::grant_connection},
    {"POST", "/api/subscribe", true, body_kind::json, actions::subscribe},
    {"DELETE", "/api/subscriptions/{id}", true, body_kind::none, actions::remove_device},
    {"GET", "/api/push/public-key", false, body_kind::none, actions::push_key},
});

constexpr std::size_t segments_max = 8;

/// "/a/b" -> a, b. A count beyond the maximum means: no route of ours.
struct segments {
  std::array<std::string_view, segments_max> at;
  std::size_t count = 0;

  constexpr explicit segments(std::string_view path) {
    if (path.empty() || path.front() != '/') return;
    path.remove_prefix(1);
    for (;;) {
      const auto slash = path.find('/');
      if (count == segments_max) {
        ++count;
        return;
      }
      at[count++] = path.substr(0, slash);
      if (slash == std::string_view::npos) return;
      path.remove_prefix(slash + 1);
    }
  }
};

constexpr auto templates = [] {
  std::array<segments, table.size()> all = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<segments, table.size()>{segments(table[I].path)...};
  }(std::make_index_sequence<table.size()>());
  return all;
}();

constexpr bool is_parameter(std::string_view segment) {
  return !segment.empty() && segment.front() == '{';
}

bool fits(const segments& wanted, const segments& path, std::array<std::string_view, 2>& parameters) {
  if (wanted.count != path.count) return false;
  std::size_t found = 0;
  for (std::size_t i = 0; i < path.count; ++i) {
    if (!is_parameter(wanted.at[i])) {
      if (wanted.at[i] != path.at[i]) return false;
    } else {
      if (path.at[i].empty()) return false;
      parameters[found++] = path.at[i];
    }
  }
  return true;
}

}  // namespace

std::span<const route> routes() noexcept {
  return table;
}

route_match find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  const segments parts(path);
  route_match match;
  std::string_view known;  // the first template that fits is the most special one; others do not count
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto& each = table[i];
    if (!known.empty() ? each.path != known : !fits(templates[i], parts, match.parameters)) continue;
    known = each.path;
    if (each.method == method) {
      match.found = &each;
      return match;
    }
    if (!match.allowed.empty()) match.allowed += ", ";
    match.allowed += each.method == "GET" ? "GET, HEAD" : each.method;
  }
  return match;
}

}  // namespace social::http
