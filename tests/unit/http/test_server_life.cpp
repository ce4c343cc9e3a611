// Half close, drain, stop, posting, counting.
#include <atomic>

#include "tests/unit/http/test_server_fixture.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::test;

namespace {

struct counting_observer final : exchange_observer {
  void served(std::string_view method, int status, std::uint64_t, std::size_t bytes_in,
              std::size_t bytes_out) override {
    const std::lock_guard lock(mutex);
    seen += std::string(method) + " " + std::to_string(status) + ";";
    in += bytes_in;
    out += bytes_out;
  }
  std::mutex mutex;
  std::string seen;
  std::size_t in = 0;
  std::size_t out = 0;
};

}  // namespace

TEST_CASE("server: a client that only finished sending gets its answers") {
  running_server running;
  client caller(running.port);
  caller.send(post("/echo", "one") + get("/later"));
  caller.finish_sending();
  CHECK(caller.receive().body == "one");
  response late;
  late.body = "two";
  running.api.next_waiting()(late);
  CHECK(caller.receive().body == "two");
  CHECK(caller.ends());
}

TEST_CASE("server: a client that left before its answer harms nobody") {
  running_server running;
  respond answer;
  {
    client caller(running.port);
    caller.send(get("/later"));
    answer = running.api.next_waiting();
  }
  response large;
  large.body.assign(1'000'000, 'x');
  answer(large);
  CHECK(eventually([&] { return running.served.statistics().connections_active == 0; }));
  client other(running.port);
  CHECK(other.ask(get("/echo")).status == 200);
}

TEST_CASE("server drain: idle connections go, requests under way are answered and told to close") {
  running_server running({.threads = 2});
  client idle(running.port);
  CHECK(idle.ask(get("/echo")).status == 200);
  client busy(running.port);
  busy.send(get("/later"));
  const auto answer = running.api.next_waiting();
  std::atomic<bool> drained{false};
  std::thread draining([&] { drained = running.served.drain(patience); });
  CHECK(idle.ends());
  answer(response{});
  const auto got = busy.receive();
  CHECK(got.status == 200);
  CHECK(got.has("Connection: close"));
  CHECK(busy.ends());
  draining.join();
  CHECK(drained);
  CHECK(!client(running.port).connected());
}

TEST_CASE("server drain: gives up at its deadline, and stop cuts the rest") {
  running_server running;
  client busy(running.port);
  busy.send(get("/later"));
  const auto answer = running.api.next_waiting();
  CHECK(!running.served.drain(std::chrono::milliseconds(1)));
  running.served.stop();
  CHECK(busy.ends());
  answer(response{});  // too late, and no crash
  running.served.stop();
}

TEST_CASE("server: an answer may outlive the server") {
  respond late;
  {
    running_server running;
    client caller(running.port);
    caller.send(get("/later"));
    late = running.api.next_waiting();
  }
  late(response{});
}

TEST_CASE("server: stopped with requests in all states") {
  for (int round = 0; round < 5; ++round) {
    running_server running({.threads = 2});
    client in_header(running.port);
    in_header.send("GET /echo HT");
    client in_body(running.port);
    in_body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    client in_answer(running.port);
    in_answer.send(get("/big?n=20000000"));
    client working(running.port);
    working.send(get("/later"));
    const auto answer = running.api.next_waiting();
    running.served.stop();
    CHECK(in_header.ends());
    CHECK(in_body.ends());
    answer(response{});
  }
}

TEST_CASE("server: posted work runs in order on the thread it names") {
  running_server running({.threads = 2});
  std::mutex mutex;
  std::array<std::vector<int>, 2> order;
  std::array<std::thread::id, 2> threads;
  int strangers = 0;  // assertions are for the test's own thread
  constexpr int count = 10'000;
  for (int i = 0; i < count; ++i) {
    for (std::size_t io = 0; io < 2; ++io)
      running.served.post(io, [&, io, i] {
        const std::lock_guard lock(mutex);
        order[io].push_back(i);
        if (i == 0) threads[io] = std::this_thread::get_id();
        if (threads[io] != std::this_thread::get_id()) ++strangers;
      });
  }
  CHECK(eventually([&] {
    const std::lock_guard lock(mutex);
    return order[0].size() == count && order[1].size() == count;
  }));
  CHECK(std::is_sorted(order[0].begin(), order[0].end()));
  CHECK(strangers == 0);
  CHECK(threads[0] != threads[1]);
  running.served.stop();
  bool ran = false;
  running.served.post(0, [&] { ran = true; });
  CHECK(!ran);
}

TEST_CASE("server: connections are spread evenly over the threads") {
  struct noting final : handler {
    head_decision decide(const request_head& head) override {
      response answer;
      answer.body = std::to_string(head.io);
      return answer;
    }
    void handle(std::shared_ptr<const request_head>, std::string, std::shared_ptr<void>, respond) override {}
    response refuse(const error& why, std::string_view id) override { return failure(why, id); }
  } api;
  server served({.threads = 2}, api);
  const auto port = served.start();
  REQUIRE(port.has_value());
  std::vector<std::unique_ptr<client>> callers;
  std::size_t on_second = 0;
  for (int i = 0; i < 64; ++i) {
    callers.push_back(std::make_unique<client>(*port));
    on_second += callers.back()->ask(get("/")).body == "1" ? 1 : 0;
  }
  CHECK(on_second == 32);
}

TEST_CASE("server: what was served is counted") {
  counting_observer observer;
  running_server running({}, &observer);
  std::size_t sent = 0;
  {
    client caller(running.port);
    for (const auto& request : {post("/echo", "12345"), get("/refuse"), get("/missing")}) {
      sent += request.size();
      caller.ask(request);
    }
    caller.send("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    caller.receive(true);
  }
  CHECK(eventually([&] { return running.served.statistics().connections_active == 0; }));
  const auto counts = running.served.statistics();
  CHECK(counts.connections_accepted == 1);
  CHECK(counts.requests == 4);
  CHECK(counts.responses_by_class[2] == 3);
  CHECK(counts.responses_by_class[4] == 1);
  CHECK(counts.bytes_in > sent);
  CHECK(observer.in == counts.bytes_in);
  CHECK(observer.out == counts.bytes_out);
  CHECK(observer.seen == "POST 200;GET 401;GET 200;HEAD 200;");
  std::uint64_t in_buckets = 0;
  for (const auto bucket : counts.latency) in_buckets += bucket;
  CHECK(in_buckets == 4);
}

TEST_CASE("server: an address that is taken or none is said so") {
  running_server running;
  scripted_handler api;
  server second({.port = running.port}, api);
  const auto failed = second.start();
  REQUIRE(failed.has_error());
  CHECK(failed.error().code == error_code::io_error);
  CHECK(failed.error().text().find(std::to_string(running.port)) != std::string::npos);
  server nowhere({.address = "no-address"}, api);
  CHECK(nowhere.start().has_error());
  server mistrusted({.trusted_proxies = {"10.0.0.0/33"}}, api);
  CHECK(mistrusted.start().error().code == error_code::invalid_input);
}
