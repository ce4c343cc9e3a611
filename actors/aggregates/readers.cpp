#include "actors/aggregates/readers.hpp"

namespace social::aggregates {
namespace {

constexpr std::int64_t reader_mailbox_max = 16'384;

/// A question that makes the function throw must not cost the node a reader.
std::optional<result<protocol::answer>> answer_of(const query_function& run, const protocol::query& question,
                                                  ports::read_tier tier) {
  try {
    return run(question, tier);
  } catch (const std::exception& thrown) {
    log::error("aggregates", "a question failed", {{"reason", thrown.what()}});
    return result<protocol::answer>(error{error_code::internal, thrown.what()});
  }
}

bool shed_query(caf::type_erased_tuple& content, runtime::node_context& node, std::string who) {
  if (content.size() != 1 || !content.match_element<protocol::query_message>(0)) return false;
  content.get_mutable_as<protocol::query_message>(0).reply->answer(error_code::overloaded);
  node.dead_letters.add({node.now(), "mailbox_full", std::move(who), "query_message"});
  return true;
}

}  // namespace

disk_reader::disk_reader(caf::actor_config& cfg, runtime::node_context& node, std::string kind, id_t id,
                         const ports::row_reader& rows, query_function run, std::shared_ptr<void> ended)
    : super(cfg, node, {std::move(kind), id, 0, reader_mailbox_max}),
      rows_(rows),
      run_(std::move(run)),
      ended_(std::move(ended)) {}

disk_reader::behavior_type disk_reader::make_behavior() {
  return {
      [this](read_rows& request) { request.done(rows_.get_many(request.keys, ports::read_tier::disk)); },
      [this](read_more& request) { request.work(rows_); },
      [this](protocol::query_message& message) {
        auto answer = answer_of(run_, message.question, ports::read_tier::disk);
        message.reply->answer(answer ? std::move(*answer) : result<protocol::answer>(error_code::store_unavailable));
      },
  };
}

void disk_reader::on_exit() {
  super::on_exit();
  ended_.reset();
}

bool disk_reader::shed(caf::type_erased_tuple& content) {
  return shed_query(content, context(), whoami());
}

reader::reader(caf::actor_config& cfg, runtime::node_context& node, id_t id, query_function run,
               std::vector<disk_reader_actor> disk, std::shared_ptr<void> ended)
    : super(cfg, node, {"reader", id, 0, reader_mailbox_max}),
      run_(std::move(run)),
      disk_(std::move(disk)),
      ended_(std::move(ended)) {}

reader::behavior_type reader::make_behavior() {
  return {
      [this](protocol::query_message& message) {
        if (auto answer = answer_of(run_, message.question, ports::read_tier::cache_only))
          return message.reply->answer(std::move(*answer));
        caf::anon_send(disk_[next_++ % disk_.size()], std::move(message));
      },
  };
}

void reader::on_exit() {
  disk_.clear();
  super::on_exit();
  ended_.reset();
}

bool reader::shed(caf::type_erased_tuple& content) {
  return shed_query(content, context(), whoami());
}

}  // namespace social::aggregates
