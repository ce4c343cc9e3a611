#include "actors/domain/comment/state.hpp"
#include "actors/domain/post/state.hpp"
#include "actors/domain/user/state.hpp"
#include "actors/queries/queries.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_store.hpp"

namespace social::queries::test {
namespace {

using namespace social::test;
using namespace domain;
using namespace protocol;

constexpr shard_t shards = 4;
constexpr id_t owner = 5;      // shard 1
constexpr id_t friend_of = 6;  // granted
constexpr id_t asker = 7;      // requested
constexpr id_t stranger = 8;

person named(id_t id, std::string name) {
  return {id, std::move(name), "somebody@example.org", {}};
}

/// An owner with posts 9, 13, 17 ... of the owner's shard; the first has comments with ids like the posts'.
struct fixture {
  memory_store store{shards};

  explicit fixture(int posts = 5, int comments = 5) {
    const user::state account{owner, "Ann", "Ann@example.org", "secret hash", 3, "/a.png", 2, 77, 11};
    store.put({table::state, 1, owner, {}}, account);
    store.put({table::email, 0, 0, "ann@example.org"}, user::email_row{owner});
    using state = user::connection_state;
    store.put({table::connection, owner, friend_of, {}},
              user::connection_row{state::granted, named(friend_of, "Bob"), 1, 2});
    store.put({table::connection, owner, asker, {}},
              user::connection_row{state::requested, named(asker, "Cid"), 1, {}});
    for (int i = 0; i < posts; ++i) add_post(post_id(i), owner);
    for (int i = 0; i < comments; ++i) {
      const comment::state said{post_id(i), post_id(0), owner, named(friend_of, "Bob"), "comment " + std::to_string(i),
                                3,          {}};
      store.put({table::state, 3, said.seq, {}}, said);
      store.put_bytes({table::comment_of_post, post_id(0), said.seq, {}}, "");
    }
  }
  static id_t post_id(int i) { return 9 + static_cast<id_t>(i) * shards; }
  void add_post(id_t id, id_t writer) {
    store.put({table::state, 2, id, {}},
              post::state{id, named(writer, "Ann"), "post " + std::to_string(id), 1, {}, {}});
    store.put({table::counts, 2, id, {}}, post::counts{id, 2, 3});
    store.put_bytes({table::post_of_owner, writer, id, {}}, "");
  }
  std::optional<result<answer>> run(const query& q, ports::read_tier tier = ports::read_tier::disk) const {
    return queries::run(q, store, shards, tier);
  }
  template <class Answer>
  Answer get(const query& q) const {
    const auto outcome = run(q);
    REQUIRE(outcome);
    REQUIRE(*outcome);
    return std::get<Answer>(**outcome);
  }
  error_code refusal(const query& q) const {
    const auto outcome = run(q);
    REQUIRE(outcome);
    REQUIRE_FALSE(*outcome);
    return outcome->error().code;
  }
};

std::vector<query> every_question(id_t caller) {
  const auto post = fixture::post_id(0);
  return {account_by_id{owner},
          account_by_email{"ann@example.org"},
          email_exists{"ann@example.org"},
          access{caller, owner},
          post_by_id{caller, owner, post},
          posts_of{caller, owner, 0, {}, 10},
          comments_of{caller, owner, post, 0, {}, 10}};
}

TEST_CASE("an account is found by id and by e-mail in any case; the hash only by e-mail", "[queries]") {
  const fixture f;
  const auto by_id = f.get<account_answer>(account_by_id{owner});
  CHECK(by_id.account.seq == owner);
  CHECK(by_id.account.email == "Ann@example.org");
  CHECK(by_id.account.login_count == 2);
  CHECK(by_id.account.last_login_at == 77);
  CHECK(by_id.account.generation == 3);
  CHECK(by_id.password_hash.empty());
  CHECK(by_id.as_person == person{owner, "Ann", "Ann@example.org", "/a.png"});
  CHECK(f.get<account_answer>(account_by_email{"ANN@Example.org"}).password_hash == "secret hash");
  CHECK(f.refusal(account_by_id{6}) == error_code::user_not_found);
  CHECK(f.refusal(account_by_id{0}) == error_code::user_not_found);
  CHECK(f.refusal(account_by_email{"nobody@example.org"}) == error_code::user_not_found);
  CHECK(f.get<exists_answer>(email_exists{"aNN@example.org"}).exists);
  CHECK_FALSE(f.get<exists_answer>(email_exists{"nobody@example.org"}).exists);
}

TEST_CASE("oneself and the granted may read, the others may not, whether there is something or not", "[queries]") {
  const fixture f;
  const auto nothing = fixture::post_id(100);
  for (const id_t caller : {owner, friend_of}) {
    f.get<access_answer>(access{caller, owner});
    CHECK(f.get<post_answer>(post_by_id{caller, owner, fixture::post_id(0)}).post.seq == fixture::post_id(0));
    CHECK(f.get<post_page>(posts_of{caller, owner, 0, {}, 10}).posts.size() == 5);
    CHECK(f.get<comment_page>(comments_of{caller, owner, fixture::post_id(0), 0, {}, 10}).comments.size() == 5);
    CHECK(f.refusal(post_by_id{caller, owner, nothing}) == error_code::post_not_found);
  }
  for (const id_t caller : {asker, stranger, id_t{0}}) {
    CHECK(f.refusal(access{caller, owner}) == error_code::forbidden);
    CHECK(f.refusal(post_by_id{caller, owner, fixture::post_id(0)}) == error_code::forbidden);
    CHECK(f.refusal(post_by_id{caller, owner, nothing}) == error_code::forbidden);
    CHECK(f.refusal(posts_of{caller, owner, 0, {}, 10}) == error_code::forbidden);
    CHECK(f.refusal(comments_of{caller, owner, fixture::post_id(0), 0, {}, 10}) == error_code::forbidden);
  }
  CHECK(f.refusal(access{0, 0}) == error_code::forbidden);
}

TEST_CASE("a post shows its counts and whether the caller likes it", "[queries]") {
  fixture f;
  const auto id = fixture::post_id(1);
  f.store.put({table::like, id, friend_of, {}}, post::like_row{});
  const auto seen = f.get<post_answer>(post_by_id{friend_of, owner, id}).post;
  CHECK(seen.numbers == post::counts{id, 2, 3});
  CHECK(seen.likes_of_me);
  CHECK_FALSE(f.get<post_answer>(post_by_id{owner, owner, id}).post.likes_of_me);
  const auto page = f.get<post_page>(posts_of{friend_of, owner, 0, {}, 10});
  for (const auto& post : page.posts) CHECK(post.likes_of_me == (post.seq == id));
}

TEST_CASE("a post of another owner or another shard is not found", "[queries]") {
  fixture f;
  f.add_post(fixture::post_id(50), 9);  // same shard, somebody else's
  f.add_post(10, owner);                // another shard, whatever its row says
  for (const auto id : {fixture::post_id(50), id_t{10}}) {
    CHECK(f.refusal(post_by_id{owner, owner, id}) == error_code::post_not_found);
    CHECK(f.refusal(comments_of{owner, owner, id, 0, {}, 10}) == error_code::post_not_found);
  }
}

std::vector<id_t> ids_of(const post_page& page) {
  std::vector<id_t> ids;
  for (const auto& post : page.posts) ids.push_back(post.seq);
  return ids;
}

TEST_CASE("pages are newest first, by offset or after a post, and say whether there is more", "[queries]") {
  const fixture f;
  const auto id = fixture::post_id;
  const auto first = f.get<post_page>(posts_of{owner, owner, 0, {}, 2});
  CHECK(ids_of(first) == std::vector<id_t>{id(4), id(3)});
  CHECK(first.next == id(3));
  const auto second = f.get<post_page>(posts_of{owner, owner, 0, first.next, 2});
  CHECK(ids_of(second) == std::vector<id_t>{id(2), id(1)});
  CHECK(ids_of(f.get<post_page>(posts_of{owner, owner, 2, {}, 2})) == ids_of(second));
  const auto last = f.get<post_page>(posts_of{owner, owner, 0, second.next, 2});
  CHECK(ids_of(last) == std::vector<id_t>{id(0)});
  CHECK_FALSE(last.next);
  CHECK_FALSE(f.get<post_page>(posts_of{owner, owner, 0, {}, 5}).next);  // exactly full
  CHECK(f.get<post_page>(posts_of{owner, owner, 99, {}, 5}).posts.empty());
  CHECK(f.get<post_page>(posts_of{owner, owner, 0, id(0), 5}).posts.empty());
}

TEST_CASE("comments are paged alike", "[queries]") {
  const fixture f;
  const auto post = fixture::post_id(0);
  const auto first = f.get<comment_page>(comments_of{owner, owner, post, 0, {}, 3});
  REQUIRE(first.comments.size() == 3);
  CHECK(first.comments[0].contents == "comment 4");
  CHECK(first.comments[0].writer.name == "Bob");
  REQUIRE(first.next);
  const auto rest = f.get<comment_page>(comments_of{owner, owner, post, 0, first.next, 3});
  REQUIRE(rest.comments.size() == 2);
  CHECK(rest.comments[1].contents == "comment 0");
  CHECK_FALSE(rest.next);
  CHECK(f.get<comment_page>(comments_of{owner, owner, post, 4, {}, 3}).comments.size() == 1);
}

TEST_CASE("a page of nothing is empty, not missing", "[queries]") {
  const fixture f(1, 0);
  CHECK(f.get<comment_page>(comments_of{owner, owner, fixture::post_id(0), 0, {}, 3}).comments.empty());
  CHECK(f.get<post_page>(posts_of{9, 9, 0, {}, 3}).posts.empty());
}

TEST_CASE("with a cold cache every question asks for the disk, which answers it", "[queries]") {
  fixture f;
  f.store.cold_cache(true);
  for (const auto& q : every_question(friend_of)) {
    CAPTURE(q.index());
    CHECK_FALSE(f.run(q, ports::read_tier::cache_only));
    CHECK(f.run(q, ports::read_tier::disk)->has_value());
  }
  f.store.cold_cache(false);
  for (const auto& q : every_question(friend_of)) CHECK(f.run(q, ports::read_tier::cache_only)->has_value());
}

TEST_CASE("wherever the cache ends, the question asks for the disk and never answers half", "[queries]") {
  fixture f;
  f.store.put({table::like, fixture::post_id(0), friend_of, {}}, post::like_row{});
  for (const auto& q : every_question(friend_of)) {
    int reads = 0;
    f.store.cold_when([&] {
      ++reads;
      return false;
    });
    REQUIRE(f.run(q, ports::read_tier::cache_only));
    for (int cold = 1; cold <= reads; ++cold) {
      int at = 0;
      f.store.cold_when([&] { return ++at == cold; });
      CAPTURE(q.index(), cold, reads);
      CHECK_FALSE(f.run(q, ports::read_tier::cache_only));
    }
  }
}

TEST_CASE("rows that cannot be read and rows that do not decode are different troubles", "[queries]") {
  fixture f;
  f.store.fail_reads(error{error_code::io_error, "a bad disk"});
  for (const auto& q : every_question(friend_of)) CHECK(f.refusal(q) == error_code::store_unavailable);
  f.store.fail_reads({});
  f.store.put_bytes({table::state, 1, owner, {}}, "\x63nonsense");
  CHECK(f.refusal(account_by_id{owner}) == error_code::corrupt_record);
}

TEST_CASE("a list that names what is not there is a damaged store, not a short page", "[queries]") {
  fixture f;
  f.store.put_bytes({table::post_of_owner, owner, fixture::post_id(60), {}}, "");
  f.store.put_bytes({table::comment_of_post, fixture::post_id(0), fixture::post_id(60), {}}, "");
  CHECK(f.refusal(posts_of{owner, owner, 0, {}, 3}) == error_code::corrupt_record);
  CHECK(f.refusal(comments_of{owner, owner, fixture::post_id(0), 0, {}, 3}) == error_code::corrupt_record);
}

}  // namespace
}  // namespace social::queries::test
