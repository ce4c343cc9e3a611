#include "actors/verify/api/api_rules.hpp"

#include <variant>

#include "actors/base/overloaded.hpp"
#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "actors/verify/replayed_as.hpp"

namespace social::verify {
namespace {

using namespace domain;

constexpr const char* made_twice = "it was made already";
constexpr const char* not_made = "it was not made yet";
constexpr const char* other = "the event names another one";

struct user_rules {
  static bool begins(std::uint16_t type) { return type == user::user_joined::type; }
  static const char* misfit(const user::state& s, id_t id, const user::event& event) {
    const auto after = [&](bool same) { return !s.exists() ? not_made : same ? nullptr : other; };
    return std::visit(overloaded{
                          [&](const user::user_joined& e) -> const char* {
                            return s.exists() ? made_twice : e.account.seq == id ? nullptr : other;
                          },
                          [&](const user::signed_in&) { return after(true); },
                          [&](const user::connection_requested& e) { return after(e.owner == id); },
                          [&](const user::connection_granted& e) { return after(e.owner.seq == id); },
                      },
                      event);
  }
};

struct post_rules {
  static bool begins(std::uint16_t type) { return type == post::post_created::type; }
  static const char* misfit(const post::state& s, id_t id, const post::event& event) {
    const auto after = [&](bool same) { return !s.exists() ? not_made : same ? nullptr : other; };
    return std::visit(overloaded{
                          [&](const post::post_created& e) -> const char* {
                            return s.exists() ? made_twice : e.post.seq == id ? nullptr : other;
                          },
                          [&](const post::post_liked& e) { return after(e.post == id && e.owner == s.writer.seq); },
                          [&](const post::comment_added& e) { return after(e.post == id); },
                          [&](const post::post_viewed& e) { return after(e.post == id); },
                      },
                      event);
  }
};

struct comment_rules {
  static bool begins(std::uint16_t type) { return type == comment::comment_created::type; }
  static const char* misfit(const comment::state& s, id_t id, const comment::event& event) {
    const auto& created = std::get<comment::comment_created>(event);
    return s.exists() ? made_twice : created.comment.seq == id ? nullptr : other;
  }
};

}  // namespace

std::vector<replayed_kind> api_kinds() {
  return {replayed_as<user_aggregate, user_rules>::kind(), replayed_as<post_aggregate, post_rules>::kind(),
          replayed_as<comment_aggregate, comment_rules>::kind()};
}

}  // namespace social::verify
