// One random story over the real aggregates and the toy: random commands, some of them repeated under their idempotency
// key, a random order of work, commits that come late or fail, rows that are not cached, a store that takes nothing for
// a while, ids that do not come, rules that throw, entities that leave or are killed, processes that die and start
// again upon what the disk has, and a subscriber that fails, dawdles and is started again.
#pragma once

#include <optional>
#include <set>
#include <utility>

#include "actors/base/overloaded.hpp"
#include "tests/deterministic/random_reader.hpp"
#include "tests/deterministic/story_checks.hpp"
#include "tests/support/captured_log.hpp"

namespace social::aggregates::test {

inline constexpr shard_t shards = 2;
inline constexpr int steps = 800;

inline aggregate_limits cramped() {
  aggregate_limits limits;
  limits.shard_entities_max = 5;
  limits.entity_idle_ms = 2'000;
  limits.entity_queue_max = 6;
  limits.shard_waiting_max = 12;
  limits.children_max = 2;
  return limits;
}

class story {
 public:
  explicit story(std::uint64_t seed) : random_(seed), reader_(random_) { begin({shards, "memory-store", {}, {}, {}}); }

  void tell() {
    for (int i = 0; i < steps; ++i) happen();
    behave();
    settle();
    for (const auto& answer : sent_) REQUIRE(answer.arrived());
    check_counts(world_->store);
    check_journal(world_->store);
    check_refused();
    reader_.finish();
    REQUIRE(world_->store.reserved() == 0);
    trace_.add(world_->store);
    REQUIRE(world_->finish());
  }
  /// How many commands ended how; `succeeded` stands under 0.
  [[nodiscard]] const std::map<int, std::size_t>& endings() const { return endings_; }
  [[nodiscard]] std::size_t replays() const { return replays_; }
  [[nodiscard]] std::size_t crashes() const { return life_ - 1; }
  /// Of every choice, every answer and every row.
  [[nodiscard]] std::uint64_t digest() const { return trace_.value(); }

 private:
  bool one_in(std::uint64_t n) { return random_() % n == 0; }

  void begin(memory_store::image disk) {
    world_.emplace(std::move(disk), cramped());
    world_->store.hold_commits(true);
    world_->store.cold_when([this] { return one_in(4); });
    reader_.begin(*world_);
  }

  /// The process dies: what is in memory is gone, and nobody hears of it any more.
  void crash() {
    auto left = world_->store.crash();
    trace_.add(world_->store);
    const auto then = world_->node.clock().monotonic_us();
    reader_.end();
    behave();
    const auto next = std::exchange(life_, 0) + 1;  // what the old one still answers means nothing
    world_.reset();
    life_ = next;
    begin(std::move(left));
    world_->node.clock().pass(std::chrono::microseconds(then - world_->node.clock().monotonic_us()));
    refusing_ = refilling_ = 0;
    check_counts(world_->store);
    check_journal(world_->store);
  }

  /// From now on nothing goes wrong any more.
  void behave() {
    world_->store.hold_commits(false);
    world_->store.cold_when({});
    world_->store.fail_commits(0, error_code::internal);
    world_->store.accept();
    world_->store.hold_refills(false);
    world_->store.finish_refills();
  }

  void settle() {
    do world_->node.run(&random_);
    while (world_->store.commit_all() > 0);
    reader_.behave();
    world_->node.pass(std::chrono::seconds(40));
    while (world_->store.commit_all() > 0) world_->node.run();
  }

  /// As a defect would end it: what it holds is dropped, what is in flight goes on without it.
  void kill_somebody() {
    const auto live =
        world_->node->context().actors.list({one_in(3) ? "user" : "post", {}, runtime::actor_order::id, 64});
    if (live.empty()) return;
    const auto& victim = live[random_() % live.size()];
    caf::anon_send_exit(world_->node->context().actors.find(victim.kind, victim.id).handle, caf::exit_reason::kill);
  }

  static bool is_over(int& left) {
    if (left == 0) return false;
    --left;
    return left == 0;
  }

  /// The store takes no writes for a while, or ids run out and the next block is long in coming.
  void count_down() {
    if (is_over(refusing_)) world_->store.accept();
    if (!is_over(refilling_)) return;
    if (one_in(2)) world_->store.finish_refills(error{error_code::outcome_unknown});
    world_->store.hold_refills(false);
    world_->store.finish_refills();
  }

  void happen() {
    count_down();
    const auto what = random_() % 100;
    trace_.add(what);
    if (what < 50) {
      for (auto left = random_() % 8; left > 0; --left) world_->node.step(&random_);
    } else if (what < 70) {
      command();
    } else if (what < 74) {
      if (!repeats_.empty()) repeats_[random_() % repeats_.size()]();
    } else if (what < 76) {
      reader_.happen();
    } else if (what < 77) {
      if (one_in(4)) kill_somebody();
    } else if (what < 90) {
      if (world_->store.commit_next()) check_counts(world_->store);
    } else if (what < 93) {
      world_->store.fail_commits(1, error_code::outcome_unknown, one_in(2));
    } else if (what < 94) {
      world_->store.fail_in_the_background();
    } else if (what == 94 && refusing_ == 0 && one_in(2)) {
      world_->store.refuse(one_in(2) ? error_code::overloaded : error_code::store_unavailable);
      refusing_ = 1 + static_cast<int>(random_() % 30);
    } else if (what == 95 && refilling_ == 0) {
      world_->store.hold_refills(true);
      refilling_ = 1 + static_cast<int>(random_() % 30);
    } else if (what == 96 && one_in(8)) {
      crash();
    } else {
      world_->node.pass(std::chrono::milliseconds(random_() % 1'500));
    }
  }

  /// A key for a third of the commands.
  std::string some_key() { return one_in(3) ? "key-" + std::to_string(++keys_) : std::string(); }

  /// Under a key it may be sent again at any time: whatever happened to it, all that succeed say the same.
  template <class A, class Reply = typename A::reply, class Check>
  void send(id_t target, shard_t shard, id_t caller, typename A::command command, Check check, std::string key = {}) {
    if (key.empty()) return send_now<A, Reply>(target, shard, caller, std::move(command), std::move(check), {});
    auto again = [this, target, shard, caller, command, check, key] {
      send_now<A, Reply>(
          target, shard, caller, command,
          [this, key, check](const protocol::command_result& outcome) {
            check(outcome);
            if (!outcome) return;
            const auto said = encode_reply(unerase<Reply>(**outcome));
            const auto [first, fresh] = outcomes_.try_emplace(key, said);
            REQUIRE(first->second == said);
            if ((*outcome)->replayed) ++replays_;
          },
          key);
    };
    again();
    repeats_.push_back(std::move(again));
  }

  template <class A, class Reply, class Check>
  void send_now(id_t target, shard_t shard, id_t caller, typename A::command command, Check check, std::string key) {
    protocol::command_message message;
    message.kind = A::kind;
    message.target = target;
    message.shard = shard;
    message.context.now = world_->node.clock().now();
    message.context.caller = caller;
    message.context.idempotency = {key, caller == 0 && !key.empty() ? "nobody" : "", key};
    message.command = erase<typename A::command>(std::move(command));
    const awaited answer;
    message.reply = std::make_shared<protocol::command_slot::element_type>(
        [this, life = life_, number = sent_.size(), slot = answer.slot(),
         check = std::move(check)](protocol::command_result outcome) {
          if (life == life_) {
            const auto code = outcome ? 0 : static_cast<int>(outcome.error().code);
            ++endings_[code];
            trace_.add(number);
            trace_.add(static_cast<std::uint64_t>(code));
            if (outcome) trace_.add(encode_reply(unerase<Reply>(**outcome)));
            check(outcome);
          }
          slot->answer(std::move(outcome));
        });
    sent_.push_back(answer);
    world_->region->send(std::move(message));
  }

  template <class A, class View>
  static View view(const protocol::command_result& outcome) {
    return std::get<View>(unerase<typename A::reply>(**outcome));
  }
  bool has(const row_key& key) {
    return world_->store.get(key, ports::read_tier::disk).what == ports::row_value::status::found;
  }
  /// What was refused for good must not appear later.
  void refused(const protocol::command_result& outcome, const std::string& text) {
    if (!outcome && outcome.error().code != error_code::outcome_unknown) refused_.insert(text);
  }

  void command() {
    const auto kind = random_() % 12;
    if (kind > 9) return play();
    if (users_.empty() || kind == 0) return join();
    const auto& caller = users_[random_() % users_.size()];
    const auto& other = users_[random_() % users_.size()];
    if (kind == 1) return write(caller);
    if (kind == 2) return connect(caller, other);
    if (kind == 3) return sign_in(caller);
    if (posts_.empty()) return write(caller);
    const auto& [post, owner] = posts_[random_() % posts_.size()];
    if (kind < 7) return like(caller.seq, post, owner);
    if (kind < 9) return comment(caller.seq, post, owner);
    send<post_aggregate>(post, 0, 0, post::add_views{1 + random_() % 3}, [](const auto&) {});
  }

  /// The toy has rules that throw, at every place that a rule has, and so do its parts.
  void play() {
    if (toys_.empty() || one_in(8))
      return send_toy(0, toy::open{one_in(2) ? "name" + std::to_string(random_() % 3) : std::string()});
    const auto toy = toys_[random_() % toys_.size()];
    const auto what = random_() % 6;
    if (what == 0) return send_toy(toy, toy::fail{static_cast<toy::place>(random_() % 3)});
    if (what == 1) return send_toy(toy, toy::add_part{.refused = one_in(4), .failing = one_in(4)});
    if (what == 2) return send_toy(toy, toy::label{"label" + std::to_string(random_() % 3)});
    if (what > 3 || parts_.empty()) return send_toy(toy, toy::add{random_() % 5});
    const auto& [whole, part] = parts_[random_() % parts_.size()];
    send_toy(whole, toy::add_to_part{.part = part, .count = 1, .failing = one_in(4)});
  }
  void send_toy(id_t target, toy::command command) {
    const bool adds_part = std::holds_alternative<toy::add_part>(command);
    const auto shard = target == 0 ? static_cast<shard_t>(random_() % shards) : shard_t{0};
    send<toy_aggregate>(
        target, shard, 0, std::move(command),
        [this, target, adds_part](const protocol::command_result& outcome) {
          if (!outcome) return;
          const auto seen = view<toy_aggregate, toy::view>(outcome);
          REQUIRE(has({table::state, static_cast<std::uint64_t>(toy_aggregate::kind), seen.seq, {}}));
          if (target == 0) toys_.push_back(seen.seq);
          if (adds_part) parts_.emplace_back(target, seen.seq);
        },
        some_key());
  }

  void join() {
    const auto email = "u" + std::to_string(random_() % 6) + "@example.org";
    send<user_aggregate>(
        0, shard_of_email(email, shards), 0, user::join{"Ann", email, "hash", random_()},
        [this, email](const protocol::command_result& outcome) {
          if (!outcome) return;
          const auto seen = view<user_aggregate, user::account_view>(outcome);
          REQUIRE(world_->store.row<user::email_row>({table::email, 0, 0, email})->user == seen.seq);
          users_.push_back({seen.seq, seen.name, seen.email, {}});
        },
        some_key());
  }
  void sign_in(const person& caller) {
    send<user_aggregate>(
        caller.seq, 0, caller.seq, user::record_sign_in{"hash"},
        [this](const protocol::command_result& outcome) {
          if (!outcome) return;
          const auto seen = view<user_aggregate, user::account_view>(outcome);
          const auto row = world_->store.row<user::state>({table::state, 1, seen.seq, {}});
          REQUIRE(row->login_count >= seen.login_count);
        },
        some_key());
  }
  void connect(const person& asker, const person& owner) {
    const bool grants = one_in(2);
    const user::command command =
        grants ? user::command(user::grant_connection{asker.seq}) : user::command(user::request_connection{asker});
    send<user_aggregate>(
        owner.seq, 0, grants ? owner.seq : asker.seq, command,
        [this](const protocol::command_result& outcome) {
          if (!outcome) return;
          const auto seen = view<user_aggregate, user::connection_view>(outcome);
          const auto row =
              world_->store.row<user::connection_row>({table::connection, seen.target_id, seen.user_id, {}});
          REQUIRE(row);
          REQUIRE(row->state >= seen.state);
        },
        some_key());
  }
  void write(const person& caller) {
    const auto text = "post " + std::to_string(++texts_);
    const auto key = some_key();
    send<post_aggregate>(
        0, shard_of(caller.seq, shards), caller.seq, post::write{text},
        [this, text, key, owner = caller.seq](const protocol::command_result& outcome) {
          if (key.empty()) refused(outcome, text);
          if (!outcome) return;
          const auto seen = view<post_aggregate, post::post_view>(outcome);
          REQUIRE(has({table::state, 2, seen.seq, {}}));
          REQUIRE(has({table::post_of_owner, owner, seen.seq, {}}));
          posts_.emplace_back(seen.seq, owner);
        },
        key);
  }
  void like(id_t caller, id_t post, id_t owner) {
    send<post_aggregate>(
        post, 0, caller, post::like{owner},
        [this, caller, post](const protocol::command_result& outcome) {
          if (outcome) REQUIRE(has({table::like, post, caller, {}}));
          if (!outcome) REQUIRE(outcome.error().code != error_code::post_not_found);
        },
        some_key());
  }
  void comment(id_t caller, id_t post, id_t owner) {
    const auto text = "comment " + std::to_string(++texts_);
    const auto key = some_key();
    send<post_aggregate, comment::reply>(
        post, 0, caller, post::write_comment{owner, text},
        [this, text, key, post](const protocol::command_result& outcome) {
          if (key.empty()) refused(outcome, text);
          if (!outcome) REQUIRE(outcome.error().code != error_code::post_not_found);
          if (!outcome) return;
          const auto seen = view<comment_aggregate, comment::comment_view>(outcome);
          REQUIRE(has({table::state, 3, seen.seq, {}}));
          REQUIRE(has({table::comment_of_post, post, seen.seq, {}}));
        },
        key);
  }

  /// Every text is sent once, or again and again under one key: it is there once, or never.
  void check_refused() {
    std::set<std::string> texts;
    const auto check = [&](const std::string& text) {
      REQUIRE_FALSE(refused_.contains(text));
      REQUIRE(texts.insert(text).second);
    };
    for (const auto& row : world_->store.table_rows(table::state)) {
      if (row.key.a == 2) check(decode_record<post::state>(row.bytes)->contents);
      if (row.key.a == 3) check(decode_record<comment::state>(row.bytes)->contents);
    }
  }

  std::mt19937_64 random_;
  const captured_log quiet_;  ///< killed actors and failed effects are said
  std::optional<region_world> world_;
  random_reader reader_;
  std::size_t life_ = 1;  ///< of the process; 0: none
  int refusing_ = 0;      ///< so many steps more the store takes nothing
  int refilling_ = 0;     ///< so many steps more no ids come
  trace trace_;
  std::vector<awaited> sent_;
  std::vector<std::function<void()>> repeats_;
  std::map<std::string, std::string> outcomes_;  ///< by key
  std::size_t keys_ = 0;
  std::size_t replays_ = 0;
  std::vector<person> users_;
  std::vector<std::pair<id_t, id_t>> posts_;
  std::vector<id_t> toys_;
  std::vector<std::pair<id_t, id_t>> parts_;  ///< with the toy that they belong to
  std::set<std::string> refused_;
  std::uint64_t texts_ = 0;
  std::map<int, std::size_t> endings_;
};

}  // namespace social::aggregates::test
