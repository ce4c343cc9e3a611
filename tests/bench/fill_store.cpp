// Makes the api store of a node with many members, by the rules of the aggregates and through the ports of the store,
// as fast as the disk takes it: nothing is synced before the end.
//
//   bench_fill_store --store DIR --users 1000000 --posts 2 --list FILE
//
// FILE: one line per member: id, token generation, id of the last post.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "actors/aggregates/instance.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "storage/store.hpp"

namespace social::bench {

namespace {

constexpr timestamp_t now_ms = 1'767'225'600'000;  // a fixed moment: the same store each time
constexpr auto contents =
    "A post as people write them: a sentence or two, some 120 bytes, nothing special. A post as people write them.";
constexpr auto password_hash =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_fill_store: %s\n", why.c_str());
  std::exit(1);
}

using known_rows = std::unordered_map<domain::row_key, std::string, domain::row_key_hash>;

class filler {
 public:
  explicit filler(storage::rocks_store& store) : ports_(store.ports()) {}

  /// Decides and commits one command of a new aggregate; `known` are the rows it may look up, and get what it writes.
  template <class A>
  id_t make(shard_t shard, id_t caller, typename A::command given, known_rows& known) {
    const auto id = take(A::kind, shard);
    domain::command_context context;
    context.now = now_ms;
    context.self = id;
    context.new_id = id;
    context.caller = caller == 0 ? id : caller;
    aggregates::instance_of<A> instance;
    const auto command = domain::erase<typename A::command>(std::move(given));
    std::vector<domain::row_key> keys;
    instance.lookups(*command, context, keys);
    std::vector<std::optional<std::string>> found;
    for (const auto& key : keys) {
      const auto at = known.find(key);
      found.push_back(at == known.end() ? std::nullopt : std::optional(at->second));
    }
    const domain::facts facts(std::move(found));
    auto decided = instance.decide(*command, context, facts);
    if (!decided) fail(std::string(decided.error().text()));
    auto done = instance.carry_out(**decided, *command, context, facts);
    for (const auto& row : done.rows)
      if (row.value) known[row.key] = *row.value;
    ports::commit_request request;
    request.shard = shard;
    request.time = now_ms;
    request.events = std::move(done.events);
    request.rows = std::move(done.rows);
    while (!ports_.log->reserve()) std::this_thread::yield();
    ports_.log->submit(std::move(request), [](const result<std::uint64_t>& outcome) {
      if (!outcome) fail(std::string(outcome.error().text()));
    });
    return id;
  }

 private:
  id_t take(domain::aggregate_kind kind, shard_t shard) {
    while (true) {
      if (const auto id = ports_.ids->take(kind, shard); id != 0) return id;
      std::atomic<bool> done{false};
      ports_.ids->refill(kind, shard, [&done](const result<void>& outcome) {
        if (!outcome) fail(std::string(outcome.error().text()));
        done = true;
      });
      while (!done) std::this_thread::yield();
    }
  }
  ports::store ports_;
};

int fill(int argc, char* argv[]) {
  std::map<std::string, std::string> options{{"--users", "1000000"}, {"--posts", "2"}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  storage::storage_options how;
  how.path = options["--store"];
  how.mode = storage::durability::async;
  how.write_buffer_bytes = std::size_t{256} << 20;
  auto store = storage::rocks_store::open(how);
  if (!store) fail(std::string(store.error().text()));
  std::ofstream list(options["--list"]);
  if (!list) fail("cannot write " + options["--list"]);

  filler fills(**store);
  const auto users = std::stoull(options["--users"]);
  const auto posts = std::stoull(options["--posts"]);
  for (std::uint64_t i = 0; i < users; ++i) {
    const auto email = "member" + std::to_string(i) + "@example.com";
    const auto shard = shard_of_email(email, how.shards);
    known_rows known;
    const auto user = fills.make<domain::user_aggregate>(
        shard, 0, domain::user::join{"m" + std::to_string(i), email, password_hash, i + 1}, known);
    id_t post = 0;
    for (std::uint64_t k = 0; k < posts; ++k)
      post = fills.make<domain::post_aggregate>(shard, user, domain::post::write{contents}, known);
    list << user << ' ' << i + 1 << ' ' << post << '\n';
  }
  (*store)->close();
  list.close();
  return list ? 0 : (std::fprintf(stderr, "bench_fill_store: the list could not be written\n"), 1);
}

}  // namespace

}  // namespace social::bench

int main(int argc, char* argv[]) {
  return social::bench::fill(argc, argv);
}
