#include "http/server/server.hpp"

#include <future>

#include "http/server/listener.hpp"
#include "http/server/worker.hpp"

namespace social::http {

struct server::parts {
  std::shared_ptr<server_core> core;
  std::vector<std::shared_ptr<worker>> workers;
  std::shared_ptr<listener> entrance;
  bool running = false;
};

server::server(server_options options, handler& api, exchange_observer* observer) : parts_(std::make_unique<parts>()) {
  parts_->core = std::make_shared<server_core>(std::move(options), api, observer);
  const auto threads = std::max<std::size_t>(1, parts_->core->options.threads);
  for (std::size_t i = 0; i < threads; ++i) parts_->workers.push_back(std::make_shared<worker>(parts_->core, i));
}

server::~server() {
  stop();
}

result<std::uint16_t> server::start() {
  auto& core = *parts_->core;
  for (const auto& text : core.options.trusted_proxies) {
    const auto range = address_range::parse(text);
    if (!range) return error(error_code::invalid_input, "'" + text + "' is no address range of a trusted proxy");
    core.trusted.push_back(*range);
  }
  if (!core.options.tls_certificate_file.empty()) {
    auto tls = tls_context::load(core.options.tls_certificate_file, core.options.tls_key_file);
    if (!tls) return tls.error();
    core.tls = *tls;
  }
  auto entrance = std::make_shared<listener>(parts_->core, parts_->workers);
  auto port = entrance->bind();
  if (!port) return port;
  parts_->entrance = std::move(entrance);
  parts_->entrance->start();
  for (auto& each : parts_->workers) each->start();
  parts_->running = true;
  return port;
}

void server::post(std::size_t io, std::function<void()> work) {
  parts_->workers.at(io)->post(std::move(work));
}

void server::stop_accepting() {
  if (!parts_->running || !parts_->entrance) return;
  // Waits, so that a client that connects afterwards is refused by the system.
  auto closed = std::make_shared<std::promise<void>>();
  parts_->workers.front()->post([entrance = std::move(parts_->entrance), closed] {
    entrance->close();
    closed->set_value();
  });
  closed->get_future().wait();
}

bool server::drain(std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  if (!parts_->running) return true;
  stop_accepting();
  parts_->core->draining = true;
  for (auto& each : parts_->workers) each->drain();
  return parts_->core->gate.wait_until_empty(until);
}

void server::stop() {
  if (!parts_->running) return;
  stop_accepting();
  for (auto& each : parts_->workers) each->stop();
  parts_->running = false;
}

std::size_t server::threads() const noexcept {
  return parts_->workers.size();
}

server_statistics server::statistics() const {
  server_statistics sum;
  for (const auto& each : parts_->workers) each->counts().add_to(sum);
  sum.connections_refused_total = parts_->core->gate.refused_total();
  sum.connections_refused_address = parts_->core->gate.refused_address();
  sum.connections_accepted = 0;
  for (const auto& each : parts_->workers) sum.connections_accepted += each->counts().connections_opened.value();
  return sum;
}

}  // namespace social::http
