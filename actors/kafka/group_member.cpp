#include "actors/kafka/group_member.hpp"

#include <algorithm>
#include <utility>

#include "actors/base/log.hpp"

namespace social::kafka {
namespace {

constexpr std::size_t batch_bytes_max = 4 * 1024 * 1024;
constexpr int commit_ms = 5'000;           ///< longest wait for the answer to a commit
constexpr int commit_away_ms = 1'000;      ///< the same while no broker answers
constexpr int commit_stopping_ms = 2'000;  ///< the same at the end of the process; what is not committed comes again
constexpr std::int64_t leave_ms = 2'000;   ///< for saying goodbye to the group
constexpr int coordinator_ms = 1'000;      ///< for the coordinator to say that it is there
constexpr int seek_ms = 1'000;             ///< within the client; brokers are not asked

rd_kafka_topic_partition_t& add(rd_kafka_topic_partition_list_t& list, const topic_partition& where) {
  return *rd_kafka_topic_partition_list_add(&list, where.topic.c_str(), where.partition);
}

}  // namespace

result<rd::conf_handle> group_member::make_conf(const client_settings& settings, const group_options& options) {
  constexpr std::size_t message_bytes_max = 1'000'000;  // librdkafka wants at least one message to fit
  constexpr std::size_t answer_bytes_max = 4 * 1024 * 1024;
  return rd::make_conf(
      settings,
      {{"isolation.level", "read_committed"},
       {"session.timeout.ms", std::to_string(options.session_timeout_ms)},
       {"heartbeat.interval.ms", std::to_string(std::max<std::int64_t>(options.session_timeout_ms / 4, 1))},
       {"queued.max.messages.kbytes", std::to_string(options.fetch_bytes_max / 1024 + 1)},
       {"fetch.max.bytes", std::to_string(std::clamp(options.fetch_bytes_max, message_bytes_max, answer_bytes_max))},
       {"fetch.wait.max.ms", "250"},
       // librdkafka does not let go of a client while a commit of it is under way: this holds up the end of a process
       // whose broker has fallen silent. An answer of `answer_bytes_max` has to arrive in that time.
       {"socket.timeout.ms", "6000"},
       // A topic or a partition that is added is seen within that time.
       {"topic.metadata.refresh.interval.ms", "5000"}},
      {{"group.id", options.group},
       // Cooperative assignment of librdkafka 2.0.2 loops, hangs at the close and resumes at old positions.
       {"partition.assignment.strategy", "range"},
       {"enable.auto.commit", "false"},
       {"enable.auto.offset.store", "false"},
       {"auto.offset.reset", "earliest"},
       {"enable.partition.eof", "true"},
       {"allow.auto.create.topics", "false"}});
}

result<std::unique_ptr<group_member>> group_member::make(const client_settings& settings, const group_options& options,
                                                         group_handler& handler, std::shared_ptr<client_health> health,
                                                         std::shared_ptr<group_view> seen) {
  if (options.topics.empty()) return error(error_code::invalid_input, "a group consumer needs a topic");
  auto conf = make_conf(settings, options);
  if (!conf) return conf.error();
  auto client = rd::make_client(RD_KAFKA_CONSUMER, std::move(*conf), settings);
  if (!client) return client.error();
  if (const auto code = subscribe_to(**client, options.topics); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error(error_code::internal, std::string("cannot subscribe: ") + rd_kafka_err2str(code));
  return std::make_unique<group_member>(std::move(*client), options, handler, std::move(health), std::move(seen));
}

rd_kafka_resp_err_t group_member::subscribe_to(rd_kafka_t& client, const std::vector<std::string>& topics) {
  std::vector<topic_partition> all;
  all.reserve(topics.size());
  for (const auto& topic : topics) all.push_back({topic, RD_KAFKA_PARTITION_UA});
  return rd_kafka_subscribe(&client, rd::list_of(all).get());
}

group_member::group_member(rd::client_handle client, group_options options, group_handler& handler,
                           std::shared_ptr<client_health> health, std::shared_ptr<group_view> seen)
    : options_(std::move(options)),
      handler_(handler),
      seen_(std::move(seen)),
      observer_(options_.group, std::move(health)),
      client_(std::move(client)) {
  rd_kafka_poll_set_consumer(client_.get());
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  topic_.reset(rd_kafka_topic_new(client_.get(), options_.topics.front().c_str(), nullptr));
}

/// A consumer that could not leave its group in time is not asked to again: that may take for ever.
group_member::~group_member() {
  topic_.reset();
  queue_.reset();
  // What was asked of a coordinator that does not answer holds up librdkafka for longer than a stop may take.
  constexpr std::chrono::milliseconds hurried{500};
  constexpr std::chrono::milliseconds usual{3'000};
  rd::let_go(client_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, unanswered_ ? hurried : usual);
}

void group_member::wake() {
  rd_kafka_queue_yield(queue_.get());
}

void group_member::stop() {
  stopping_ = true;
  wake();
}

void group_member::run() {
  while (!stopping_) {
    settle();
    gather(static_cast<int>(options_.poll_ms));
    hand_over();
    look_at_ends();
    handler_.turn(*this);
  }
  leave();
}

// --- polling

void group_member::gather(int wait_ms) {
  for (int wait = wait_ms; batch_.size() < options_.batch_records_max && batch_bytes_ < batch_bytes_max; wait = 0) {
    const rd::event_handle event(rd_kafka_queue_poll(queue_.get(), wait));
    if (event == nullptr) return;
    on_event(*event);
  }
}

void group_member::on_event(rd_kafka_event_t& event) {
  switch (rd_kafka_event_type(&event)) {
    case RD_KAFKA_EVENT_FETCH:
      return add_record(event);
    case RD_KAFKA_EVENT_REBALANCE:
      return on_rebalance(event);
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
      static_cast<void>(on_committed(event));
      return;
    case RD_KAFKA_EVENT_ERROR:
      return on_error(event);
    default:
      return observer_.serve(event);
  }
}

void group_member::add_record(rd_kafka_event_t& event) {
  const auto* message = rd_kafka_event_message_next(&event);
  if (message == nullptr) return;
  const auto found = places_.find({rd_kafka_topic_name(message->rkt), message->partition});
  if (found == places_.end()) return;
  auto& state = found->second;
  state.started = true;
  if (state.paused || state.must_seek) {
    // librdkafka has counted it as consumed, so it has to be told again where to go on.
    if (!state.next) {
      state.next = message->offset;
      seen_->set_start(found->first, {message->offset, rd::time_of(*message)});
    }
    if (state.paused) pause_now(found->first, state);
    return;
  }
  if (state.next && message->offset < *state.next) return;
  state.next = message->offset + 1;
  batch_.push_back(rd::received_of(*message));
  batch_bytes_ += message->len + message->key_len;
}

void group_member::on_error(rd_kafka_event_t& event) {
  const rd::list_item item(rd_kafka_event_topic_partition(&event));
  if (item == nullptr) return observer_.serve(event);
  const auto code = rd_kafka_event_error(&event);
  if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    const auto found = places_.find({item->topic, item->partition});
    if (found == places_.end()) return;
    found->second.started = true;
    if (!found->second.next) seen_->set_start(found->first, {item->offset, 0});
    return seen_->set_end(found->first, item->offset);
  }
  observer_.warn(
      rd_kafka_err2name(code), "a partition cannot be read; it is tried again",
      std::string(item->topic) + "/" + std::to_string(item->partition) + ": " + rd_kafka_event_error_string(&event));
}

void group_member::hand_over() {
  if (batch_.empty()) return;
  observer_.answered();
  seen_->records += batch_.size();
  batch_bytes_ = 0;
  handler_.records(*this, std::exchange(batch_, {}));
}

// --- what is ours

void group_member::on_rebalance(rd_kafka_event_t& event) {
  const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
  // What came before belongs before.
  if (!lost) hand_over();
  switch (rd_kafka_event_error(&event)) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
      return assign(*rd_kafka_event_topic_partition_list(&event));
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
      break;
    default:
      observer_.warn("rebalance", "a rebalance failed; the group is joined again", rd_kafka_event_error_string(&event));
  }
  revoke(lost);
  rd_kafka_assign(client_.get(), nullptr);
}

void group_member::assign(const rd_kafka_topic_partition_list_t& list) {
  ++seen_->rebalances;
  observer_.answered();
  const auto which = rd::partitions_of(&list);
  places_.clear();
  for (const auto& where : which) places_[where];
  const auto all = rd::list_of(which);
  if (const auto code = rd_kafka_assign(client_.get(), all.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    log::error("kafka", "an assignment was not taken", {{"group", options_.group}, {"reason", rd_kafka_err2str(code)}});
  seen_->set_assignment(which);
  log::info("kafka", "partitions were assigned", {{"group", options_.group}, {"partitions", which.size()}});
  handler_.assigned(*this, which);
}

void group_member::revoke(bool lost) {
  batch_.clear();
  batch_bytes_ = 0;
  if (places_.empty()) return;
  std::vector<topic_partition> which;
  which.reserve(places_.size());
  for (const auto& [where, state] : places_) which.push_back(where);
  log::info("kafka", "partitions were revoked",
            {{"group", options_.group}, {"partitions", which.size()}, {"lost", lost}});
  handler_.revoked(*this, which, lost);
  // librdkafka keeps in mind over assignments what is paused, and would never fetch it again.
  std::vector<topic_partition> held;
  for (const auto& [where, state] : places_)
    if (!state.flows) held.push_back(where);
  if (!held.empty()) rd_kafka_resume_partitions(client_.get(), rd::list_of(held).get());
  places_.clear();
  seen_->set_assignment({});
}

// --- group_control

void group_member::pause(const std::vector<topic_partition>& which) {
  for (const auto& where : which) {
    const auto found = places_.find(where);
    if (found == places_.end()) continue;
    found->second.paused = true;
    if (found->second.started) pause_now(where, found->second);
  }
}

void group_member::resume(const std::vector<topic_partition>& which) {
  for (const auto& where : which)
    if (const auto found = places_.find(where); found != places_.end()) found->second.paused = false;
}

void group_member::seek(const topic_partition& where, std::int64_t offset) {
  const auto found = places_.find(where);
  if (found == places_.end()) return;
  found->second.next = offset;
  found->second.must_seek = true;
}

void group_member::pause_now(const topic_partition& where, place& state) {
  if (!std::exchange(state.flows, false)) return;
  rd_kafka_pause_partitions(client_.get(), rd::list_of({where}).get());
  state.must_seek = state.must_seek || state.next.has_value();
}

/// Does what the handler has asked for, before the next record is taken: seeks first, then lets it flow.
void group_member::settle() {
  for (auto& [where, state] : places_) {
    if (state.paused || !state.started) continue;
    if (state.must_seek) state.must_seek = !seek_now(where, state);
    if (state.must_seek || state.flows) continue;
    state.flows = true;
    rd_kafka_resume_partitions(client_.get(), rd::list_of({where}).get());
  }
}

/// False: it has to be tried again.
bool group_member::seek_now(const topic_partition& where, const place& state) {
  const rd::list_handle one(rd_kafka_topic_partition_list_new(1));
  auto& item = add(*one, where);
  item.offset = *state.next;
  const rd::error_handle failure(rd_kafka_seek_partitions(client_.get(), one.get(), seek_ms));
  if (failure == nullptr && item.err == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  observer_.warn("seek", "a partition's position could not be set; it is tried again",
                 rd_kafka_err2str(failure != nullptr ? rd_kafka_error_code(failure.get()) : item.err));
  return false;
}

result<void> group_member::commit(const std::map<topic_partition, std::int64_t>& next, bool wait) {
  if (next.empty()) return {};
  // A commit that waits for a broker holds up the end of the client for as long as socket.timeout.ms. The last one is
  // tried all the same: a coordinator that is only slow must not have another process do again what is done.
  const bool is_away = !observer_.health().look().connected;
  if (is_away && !wait) return error(error_code::unavailable, "no broker answers");
  const rd::list_handle list(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const auto& [where, offset] : next) add(*list, where).offset = offset;
  // Without a wait the answer comes to the queue that is polled.
  const rd::queue_handle answers(wait ? rd_kafka_queue_new(client_.get()) : nullptr);
  auto* to = wait ? answers.get() : queue_.get();
  if (const auto code = rd_kafka_commit_queue(client_.get(), list.get(), to, nullptr, nullptr);
      code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++seen_->commit_failures;
    return error(error_code::unavailable, rd_kafka_err2str(code));
  }
  if (!wait) return {};
  const int hurried = stopping_ ? commit_stopping_ms : commit_ms;
  const int patience = is_away ? commit_away_ms : hurried;
  const auto deadline = rd::now_ms() + patience;
  while (rd::left_ms(deadline) > 0) {
    const rd::event_handle answer(rd_kafka_queue_poll(answers.get(), rd::left_ms(deadline)));
    if (answer != nullptr) return on_committed(*answer);
  }
  ++seen_->commit_failures;
  return error(error_code::outcome_unknown, "the broker did not answer a commit in time");
}

result<void> group_member::on_committed(rd_kafka_event_t& event) {
  auto code = rd_kafka_event_error(&event);
  const auto* list = rd_kafka_event_topic_partition_list(&event);
  for (int i = 0; list != nullptr && i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    code = list->elems[i].err;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++seen_->commits;
    return {};
  }
  ++seen_->commit_failures;
  observer_.warn("commit", "offsets could not be committed", rd_kafka_err2str(code));
  return error(error_code::unavailable, std::string("the offsets were not taken: ") + rd_kafka_err2str(code));
}

// --- the end

/// Asks the coordinator of the group for something that it can say at once. Unlike a commit or a goodbye, a question
/// that is not answered does not hold up the end of the client.
bool group_member::coordinator_answers() {
  const auto list =
      rd::list_of({places_.empty() ? topic_partition{options_.topics.front(), 0} : places_.begin()->first});
  switch (rd_kafka_committed(client_.get(), list.get(), coordinator_ms)) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
      return false;
    default:
      return true;
  }
}

/// rd_kafka_consumer_close would wait without end for a coordinator that is away. Whether it is away or slow cannot be
/// told apart in time, so what is done is committed in any case.
void group_member::leave() {
  unanswered_ = !coordinator_answers();
  if (unanswered_) {
    log::warning("kafka",
                 "no broker answers in time, so the group is left without a goodbye; its partitions are free after the "
                 "session time-out",
                 {{"group", options_.group}});
    return revoke(false);
  }
  const rd::queue_handle last(rd_kafka_queue_new(client_.get()));
  const rd::error_handle failure(rd_kafka_consumer_close_queue(client_.get(), last.get()));
  if (failure == nullptr) {
    for (auto deadline = rd::now_ms() + leave_ms;
         rd_kafka_consumer_closed(client_.get()) == 0 && rd::left_ms(deadline) > 0;) {
      const rd::event_handle event(rd_kafka_queue_poll(last.get(), 50));
      if (event == nullptr) continue;
      const bool is_rebalance = rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE;
      if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_FETCH) on_event(*event);
      if (is_rebalance) deadline = rd::now_ms() + leave_ms;  // the handler may have taken its time
    }
  }
  const bool closed = failure == nullptr && rd_kafka_consumer_closed(client_.get()) != 0;
  if (!closed)
    log::warning("kafka", "the group was left without a goodbye; its partitions are free after the session time-out",
                 {{"group", options_.group}});
  revoke(true);
}

}  // namespace social::kafka
