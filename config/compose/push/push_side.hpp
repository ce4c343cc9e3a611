// The push role: its own store, the region of Subscription, the sender.
#pragma once

#include <memory>
#include <vector>

#include "actors/events/retention.hpp"
#include "actors/protocol/messages.hpp"
#include "actors/protocol/public_event.hpp"
#include "actors/protocol/push.hpp"
#include "config/compose/common/host.hpp"

namespace social::compose {

/// Owned by main(). Order: open, start, ..., stop, close_store, destruction.
class push_side {
 public:
  /// Opens store and VAPID keys and starts the Subscription actors. `embedded`: the api's journal in this process
  /// replays what a power cut takes from this store. Errors of store, keys (none is made for devices that have one) or
  /// certificate files: exit 3.
  static result<std::unique_ptr<push_side>> open(host& on, bool embedded);
  ~push_side();

  /// Takes up what the store says is due. `public_url`: what notifications link to.
  void start(const std::string& public_url);
  /// Console lines wait for this: the ready line is the first on stdout, even when a former life left lines to print.
  void open_console();

  /// Effects and `cursors` in one batch; see push::push_role::consume.
  void consume(std::vector<protocol::push_event> events, std::vector<domain::row_change> cursors, std::uint64_t epoch,
               std::function<void(result<void>)> done);
  void subscribe(protocol::subscribe_request request, domain::command_context context,
                 std::function<void(result<domain::subscription::device_view>)> done);
  void remove_device(protocol::remove_device_request request, domain::command_context context,
                     std::function<void(result<protocol::device_removed>)> done);
  [[nodiscard]] result<protocol::push_key> push_key() const;
  /// To the Subscription actors; any thread.
  void command(protocol::command_message message);
  /// Deliveries in the store.
  [[nodiscard]] std::uint64_t pending() const;
  [[nodiscard]] ports::store store();
  /// Begins to shorten the push store's own journal, which is kept for what follows from devices (reactions) and for
  /// these readers. Their stores outlive `stop`.
  void keep_journal(std::vector<events::journal_holder> readers);

  /// Ends the actors; `deadline` for all of it. False: it was cut short.
  bool stop(std::chrono::milliseconds deadline);
  void close_store();

 private:
  struct parts;
  explicit push_side(std::unique_ptr<parts> parts);
  std::unique_ptr<parts> parts_;
};

/// The subcommands `vapid show` and `vapid rotate`: one line per key on stdout, `<key id> <public key> [current]`.
config::exit_code show_vapid(const config::settings& settings);
config::exit_code rotate_vapid(const config::settings& settings);

}  // namespace social::compose
