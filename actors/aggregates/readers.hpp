// Actors that read committed rows. Scheduled readers try the block cache only; what needs the disk goes on to a small
// pool of detached readers, which may block.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "actors/aggregates/environment.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::aggregates {

/// Answers one question at a tier; nullopt when the disk would be needed at `cache_only`. Pure but for the reads.
using query_function = std::function<std::optional<result<protocol::answer>>(const protocol::query&, ports::read_tier)>;

/// `ended` of both readers is dropped in on_exit.
class disk_reader final : public runtime::instrumented<disk_reader_actor::base> {
 public:
  using super = runtime::instrumented<disk_reader_actor::base>;
  disk_reader(caf::actor_config& cfg, runtime::node_context& node, std::string kind, id_t id,
              const ports::row_reader& rows, query_function run, std::shared_ptr<void> ended);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  bool shed(caf::type_erased_tuple& content) override;

 private:
  const ports::row_reader& rows_;
  const query_function run_;
  std::shared_ptr<void> ended_;
};

class reader final : public runtime::instrumented<protocol::reader_actor::base> {
 public:
  using super = runtime::instrumented<protocol::reader_actor::base>;
  reader(caf::actor_config& cfg, runtime::node_context& node, id_t id, query_function run,
         std::vector<disk_reader_actor> disk, std::shared_ptr<void> ended);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  bool shed(caf::type_erased_tuple& content) override;

 private:
  const query_function run_;
  std::vector<disk_reader_actor> disk_;
  std::shared_ptr<void> ended_;
  std::size_t next_ = 0;
};

}  // namespace social::aggregates
