// A store on disk that the real rules have filled, ways to damage it, and what verify finds.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include "actors/aggregates/instance.hpp"
#include "actors/base/base64.hpp"
#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/domain/user/user.hpp"
#include "actors/ports/cursor.hpp"
#include "actors/verify/api/api_store.hpp"
#include "actors/verify/push/push_store.hpp"
#include "storage/engine.hpp"
#include "storage/stopped_store.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::verify::test {

using namespace domain;
using storage::test::open_or_fail;
using storage::test::options_in;
using storage::test::scratch_directory;

inline constexpr timestamp_t noon = 1'795'449'600'000;
inline constexpr shard_t shards = 4;

inline row_key state_key(aggregate_kind kind, id_t id) {
  return {table::state, static_cast<std::uint64_t>(kind), id, {}};
}

/// Commands decided by the rules and committed by the store, one after the other.
class writer {
 public:
  explicit writer(const std::filesystem::path& path) : store_(open_or_fail(options_in(path, shards))) {}

  template <class A>
  void run(id_t id, id_t caller, typename A::command command, id_t new_id = 0) {
    command_context context;
    context.now = noon;
    context.self = id;
    context.caller = caller;
    context.new_id = new_id;
    auto done = decide(aggregates::instance_of<A>(), context, *erase(std::move(command)));
    done.request.shard = shard_of(id, shards);
    write(std::move(done.request));
  }
  void write(ports::commit_request request) {
    request.time = noon;
    const auto committed = storage::test::commit(*store_, std::move(request));
    REQUIRE(committed);
  }
  void write(std::vector<row_change> rows) {
    ports::commit_request request;
    request.rows = std::move(rows);
    write(std::move(request));
  }

  id_t join(const std::string& email) {
    const auto id = storage::test::take_id(*store_, aggregate_kind::user, shard_of_email(ascii(email), shards));
    run<user_aggregate>(id, 0, user::join{"Harry", email, "$argon2id$hash", 77});
    return id;
  }
  id_t post(id_t owner) {
    const auto id = storage::test::take_id(*store_, aggregate_kind::post, shard_of(owner, shards));
    run<post_aggregate>(id, owner, domain::post::write{"hello world"});
    return id;
  }
  void connect(id_t owner, id_t caller, const std::string& email) {
    run<user_aggregate>(owner, caller, user::request_connection{{caller, "Harry", email, {}}});
    run<user_aggregate>(owner, owner, user::grant_connection{caller});
  }
  void like(id_t post, id_t owner, id_t caller) { run<post_aggregate>(post, caller, domain::post::like{owner}); }
  id_t comment(id_t post, id_t owner, id_t caller) {
    const auto id = storage::test::take_id(*store_, aggregate_kind::comment, shard_of(post, shards));
    run<post_aggregate>(post, caller, domain::post::write_comment{owner, "well said"}, id);
    return id;
  }
  void subscribe(id_t user, const std::string& endpoint, std::uint64_t version) {
    subscription::subscribe c;
    c.endpoint = endpoint;
    c.p256dh = base64url_encode('\x04' + std::string(64, 'k'));
    c.auth = base64url_encode(std::string(16, 'a'));
    c.locale = "en";
    c.row_version = version;
    run<subscription_aggregate>(user, user, std::move(c));
  }
  storage::rocks_store& store() { return *store_; }

 private:
  struct decided {
    ports::commit_request request;
  };

  static std::string ascii(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
  }
  std::vector<std::optional<std::string>> read(const std::vector<row_key>& keys) {
    std::vector<std::optional<std::string>> out;
    out.reserve(keys.size());
    for (const auto& key : keys) out.push_back(storage::test::row_of(*store_, key));
    return out;
  }
  template <class Instance>
  decided decide(Instance instance, const command_context& context, const erased& command) {
    instance.load(read(instance.state_keys(context.self)));
    std::vector<row_key> keys;
    instance.lookups(command, context, keys);
    const facts found(read(keys));
    auto plan = instance.decide(command, context, found);
    if (!plan) FAIL("refused: " << plan.error().text());
    REQUIRE((*plan)->changes);
    const auto child = (*plan)->child;
    auto step = instance.carry_out(**plan, command, context, found);
    decided out;
    out.request.events = std::move(step.events);
    out.request.rows = std::move(step.rows);
    if (child) {
      auto inner = context;
      inner.self = child->id;
      auto more = decide(aggregates::instance_of<comment_aggregate>(), inner, *child->command).request;
      std::ranges::move(more.events, std::back_inserter(out.request.events));
      std::ranges::move(more.rows, std::back_inserter(out.request.rows));
    }
    return out;
  }

  std::unique_ptr<storage::rocks_store> store_;
};

/// `kind key` of everything that is found in a store that nobody has open.
inline std::vector<std::string> findings_in(const std::filesystem::path& path,
                                            const std::function<void(const store_view&)>& rules) {
  std::vector<std::string> out;
  const ports::finding_sink sink = [&out](const ports::finding& one) {
    UNSCOPED_INFO(one.kind << " " << one.key << ": " << one.reason);
    out.push_back(one.kind + " " + one.key);
  };
  const auto store = storage::stopped_store::open(options_in(path, shards));
  if (!store) FAIL("the store does not open: " << store.error().text());
  (*store)->walk(sink);
  rules(store_view{(*store)->rows(), (*store)->log(),
                   [&](aggregate_kind kind, shard_t shard) { return (*store)->ids_below(kind, shard); }, sink});
  return out;
}

/// Writes past the commit thread, as no program of ours would.
inline void damage_journal(const std::filesystem::path& path,
                           const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>& change) {
  storage::engine machine(options_in(path, shards));
  auto opened = machine.open();
  REQUIRE(opened);
  change((*opened)->db(), (*opened)->handle(storage::family::journal));
}

inline rocksdb::Slice slice(const storage::journal_key_bytes& key) {
  return {key.data(), key.size()};
}

inline void copy_store(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

template <class Record>
row_change put(row_key key, const Record& value) {
  return {std::move(key), encode_record(value)};
}

/// A sound store in `sound`, which the test fills, and copies of it, each damaged in one way.
struct damaged_copies {
  using look_function = std::function<std::vector<std::string>(const std::filesystem::path&)>;
  /// `look`: what is found in the store there.
  explicit damaged_copies(look_function look) : look(std::move(look)) {}

  std::vector<std::string> after(const std::function<void(writer&)>& damage) {
    const auto path = directory.path() / std::to_string(++copies);
    copy_store(directory.path() / "sound", path);
    {
      writer w(path);
      damage(w);
    }
    return look(path);
  }
  std::vector<std::string> after_writing(std::vector<row_change> rows) {
    return after([&](writer& w) { w.write(std::move(rows)); });
  }

  scratch_directory directory;
  look_function look;
  int copies = 0;
};

}  // namespace social::verify::test
