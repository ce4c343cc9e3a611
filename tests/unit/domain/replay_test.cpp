#include <random>
#include <set>

#include "actors/base/base64.hpp"
#include "tests/unit/domain/world.hpp"

namespace social::domain::test {

namespace {

/// Random commands of a few people on a few posts and devices; a seed says which.
class story {
 public:
  explicit story(std::uint64_t seed) : random_(seed) {}

  void go(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }
  world w;
  std::vector<id_t> users;
  std::vector<id_t> posts;

 private:
  void step() {
    switch (below(12)) {
      case 0:
        return join();
      case 1:
        return run_on<user_aggregate>(any(users), 0, user::record_sign_in{below(3) == 0 ? "x" : "$argon2id$hash"});
      case 2:
        return ask();
      case 3:
        return grant();
      case 4:
        return write();
      case 5:
      case 6:
        return like();
      case 7:
      case 8:
        return comment();
      case 9:
        return run_on<post_aggregate>(any(posts), 0, post::add_views{below(4)});
      case 10:
        return subscribe();
      default:
        return change_device();
    }
  }

  void join() {
    const auto number = std::to_string(below(6));
    const auto id = w.new_id();
    if (w.run<user_aggregate>(id, 0, joining("name" + number, "Mail" + number + "@example.org"))) users.push_back(id);
  }
  void ask() {
    const auto caller = any(users);
    run_on<user_aggregate>(any(users), caller, user::request_connection{w.load<user_aggregate>(caller).as_person()});
  }
  void grant() {
    const auto owner = any(users);
    run_on<user_aggregate>(owner, owner, user::grant_connection{any(users)});
  }
  void write() {
    const auto id = w.new_id();
    if (w.run<post_aggregate>(id, any(users), post::write{below(5) == 0 ? "abc" : "a post of somebody"}))
      posts.push_back(id);
  }
  void like() { run_on<post_aggregate>(any(posts), any(users), post::like{any(users)}); }
  void comment() { run_on<post_aggregate>(any(posts), any(users), post::write_comment{any(users), "a comment"}); }
  void subscribe() {
    const auto user = any(users);
    subscription::subscribe c;
    c.endpoint = any_endpoint();
    c.p256dh = base64url_encode("\x04" + std::string(64, 'k'));
    c.auth = base64url_encode(std::string(16, 'a'));
    c.locale = "ko";
    c.row_version = below(1'000'000) + 1;
    if (below(4) == 0) c.old_endpoint = any_endpoint();
    run_on<subscription_aggregate>(user, user, c);
  }
  void change_device() {
    const auto user = any(users);
    const auto endpoint = any_endpoint();
    const auto seq = subscription::device_seq(endpoint);
    std::uint64_t version = 0;
    for (const auto& d : w.load<subscription_aggregate>(user).devices)
      if (d.seq == seq) version = d.row_version;
    if (below(3) == 0) {
      run_on<subscription_aggregate>(user, 0,
                                     subscription::remove_device{seq, 0, subscription::endpoint_hash(endpoint)});
    } else {
      run_on<subscription_aggregate>(user, 0, subscription::record_delivery{seq, version, below(2) == 0});
    }
  }

  template <class A, class Command>
  void run_on(id_t self, id_t caller, Command c) {
    if (self == 0) return;
    const auto outcome = w.run<A>(self, caller, typename A::command(std::move(c)));
    if (!outcome && outcome.error().code == error_code::internal) FAIL_CHECK(outcome.error().text());
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  id_t any(const std::vector<id_t>& ids) { return ids.empty() ? 0 : ids[below(ids.size())]; }
  std::string any_endpoint() { return "https://push.example.net/" + std::to_string(below(30)); }

  std::mt19937_64 random_;
};

template <class A>
void check_replay(const world& w) {
  std::set<id_t> ids;
  for (const auto& e : w.journal)
    if (e.kind == A::kind) ids.insert(e.id);
  for (const auto id : ids) {
    const auto stored = w.load<A>(id);
    auto replayed = w.replayed<A>(id);
    CAPTURE(A::name, id);
    CHECK(encode_record(replayed) == encode_record(stored));
    if constexpr (requires { A::counts(replayed); }) CHECK(replayed.numbers == stored.numbers);
  }
}

}  // namespace

TEST_CASE("replaying the journal gives the same bytes, and counts equal the rows they count", "[domain][replay]") {
  std::set<std::pair<aggregate_kind, std::uint16_t>> event_types;
  std::size_t likes = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    story s(seed);
    s.go(400);
    check_replay<user_aggregate>(s.w);
    check_replay<post_aggregate>(s.w);
    check_replay<comment_aggregate>(s.w);
    check_replay<subscription_aggregate>(s.w);
    for (const auto id : s.posts) {
      const auto post = s.w.load<post_aggregate>(id);
      CHECK(post.numbers.likes == s.w.count(table::like, id));
      CHECK(post.numbers.comments == s.w.count(table::comment_of_post, id));
      likes += post.numbers.likes;
    }
    for (const auto id : s.users) {
      const auto devices = s.w.load<subscription_aggregate>(id).devices.size();
      CHECK(devices <= subscription::devices_per_user_max);
      CHECK(s.w.rows.contains({table::subscriber_user, id, 0, {}}) == (devices > 0));
    }
    CHECK(s.users.size() <= 6);  // six e-mails: nobody joined twice
    for (const auto& e : s.w.journal) event_types.emplace(e.kind, e.type);
  }
  // The stories are about everything that can happen.
  CHECK(event_types.size() == 12);
  CHECK(likes > 50);
}

TEST_CASE("the same command on the same state decides the same bytes", "[domain][replay]") {
  story first(7);
  story second(7);
  first.go(300);
  second.go(300);
  REQUIRE(first.w.journal.size() == second.w.journal.size());
  for (std::size_t i = 0; i < first.w.journal.size(); ++i) CHECK(first.w.journal[i].bytes == second.w.journal[i].bytes);
}

}  // namespace social::domain::test
