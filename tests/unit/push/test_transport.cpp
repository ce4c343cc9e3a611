// The transport against scripted servers on this host; TLS is in test_transport_tls.cpp.
#include <condition_variable>

#include "tests/unit/push/scripted_server.hpp"

using namespace social;
using namespace social::push;
using namespace social::push::testing;

TEST_CASE("a request carries what RFC 8030 asks for, and the status comes back", "[push][transport]") {
  std::promise<std::string> received;
  scripted_server server([&](peer& client, int) {
    received.set_value(client.read_request());
    client.write("HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 4\r\n\r\nbusy");
    client.read_to_end();
  });
  const auto sender = transport_to(server);
  const auto answer = send(*sender, server.origin());
  CHECK(answer.status == 503);
  CHECK(answer.retry_after == "120");
  CHECK(answer.body == "busy");
  CHECK(answer.failure.empty());
  CHECK(answer.latency_us > 0);
  CHECK(received.get_future().get() ==
        "POST /push/secret HTTP/1.1\r\nHost: " + server.origin().substr(7) +
            "\r\nTTL: 60\r\nUrgency: high\r\nTopic: topic\r\nAuthorization: vapid t=token, k=key\r\n"
            "Content-Encoding: aes128gcm\r\nContent-Type: application/octet-stream\r\nContent-Length: "
            "9\r\n\r\nencrypted");
}

TEST_CASE("no topic, no header", "[push][transport]") {
  std::promise<std::string> received;
  scripted_server server([&](peer& client, int) {
    received.set_value(client.read_request());
    client.write(created);
  });
  const auto sender = transport_to(server);
  auto request = request_to(server.origin());
  request.topic.clear();
  CHECK(wait(start(*sender, request)).status == 201);
  CHECK(received.get_future().get().find("Topic") == std::string::npos);
}

TEST_CASE("every status is passed up and no redirect is followed", "[push][transport]") {
  const int status = GENERATE(200, 201, 204, 301, 307, 400, 404, 410, 413, 429, 500);
  const std::string length = status == 204 ? "" : "Content-Length: 0\r\n";
  scripted_server server(
      always("HTTP/1.1 " + std::to_string(status) + " X\r\nLocation: /elsewhere\r\n" + length + "\r\n"));
  const auto sender = transport_to(server);
  CHECK(send(*sender, server.origin()).status == status);
  CHECK(send(*sender, server.origin()).status == status);
  CHECK(server.accepted() == 1);
  CHECK(sender->current_status().connections_made == 1);
}

TEST_CASE("bodies end in every way HTTP knows", "[push][transport]") {
  struct ending {
    std::string answer;
    std::string body;
    bool kept;
  };
  const auto ending_of = GENERATE(values<ending>({
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\nay!\r\n0\r\n\r\n", "okay!", true},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", "ok", false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false},
      {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
      // Bytes after the answer: whose are they?
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "ok", false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n" + std::string(4096, 'x'), std::string(4096, 'x'), true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n" + std::string(4097, 'x'), std::string(4096, 'x'), false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n" + std::string(9000, 'x'), std::string(4096, 'x'),
       false},
  }));
  scripted_server server([&](peer& client, int) {
    while (!client.read_request().empty()) {
      client.write(ending_of.answer);
      if (ending_of.body == "until the end") return;
    }
  });
  const auto sender = transport_to(server);
  for (int i = 0; i < 2; ++i) {
    const auto answer = send(*sender, server.origin());
    CHECK(answer.status == 200);
    CHECK(answer.body == ending_of.body);
  }
  CHECK(server.accepted() == (ending_of.kept ? 1 : 2));
}

TEST_CASE("what is no HTTP is a protocol failure", "[push][transport]") {
  const auto garbage = GENERATE(values<std::string>(
      {"220 mail.example.net ESMTP\r\n\r\n", "\x16\x03\x01\x02", "HTTP/1.1 two hundred\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       "HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n"}));
  scripted_server server([&](peer& client, int) {
    client.read_request();
    client.write(garbage);
    client.read_to_end();
  });
  const auto sender = transport_to(server, {.total_timeout_ms = 2'000});
  const auto answer = send(*sender, server.origin());
  CHECK(answer.status == 0);
  // Too few bytes to judge end as a time-out.
  CHECK((answer.failure == "protocol" || (garbage.size() < 8 && answer.failure == "timeout")));
}

TEST_CASE("a new connection that is closed or reset is not tried again", "[push][transport]") {
  const bool reset = GENERATE(false, true);
  const auto partial =
      GENERATE(values<std::string>({"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"}));
  scripted_server server([&](peer& client, int) {
    client.read_request();
    client.write(partial);
    if (reset) client.reset_on_close();
  });
  const auto sender = transport_to(server);
  const auto answer = send(*sender, server.origin());
  CHECK(answer.status == 0);
  CHECK(answer.failure == "closed");
  CHECK(server.accepted() == 1);
}

TEST_CASE("a kept connection found closed is replaced once", "[push][transport]") {
  const auto partial = GENERATE(values<std::string>({"", "HTTP/1.1"}));
  scripted_server server([&](peer& client, int number) {
    client.read_request();
    if (number == 1 && partial.empty()) client.write(created);
    if (number > 0) return;
    client.write(created);
    client.read_request();
    client.write(partial);
  });
  const auto sender = transport_to(server);
  CHECK(send(*sender, server.origin()).status == 201);
  const auto second = send(*sender, server.origin());
  CHECK(second.status == (partial.empty() ? 201 : 0));
  CHECK(second.failure == (partial.empty() ? "" : "closed"));
  CHECK(server.accepted() == (partial.empty() ? 2 : 1));
  CHECK(sender->current_status().retries == (partial.empty() ? 1U : 0U));
}

TEST_CASE("the second connection of a repeated request is not repeated again", "[push][transport]") {
  scripted_server server([&](peer& client, int number) {
    client.read_request();
    if (number > 0) return;
    client.write(created);
    client.read_request();
  });
  const auto sender = transport_to(server);
  CHECK(send(*sender, server.origin()).status == 201);
  CHECK(send(*sender, server.origin()).failure == "closed");
  CHECK(server.accepted() == 2);
}

TEST_CASE("a server that says nothing costs the total time-out", "[push][transport]") {
  scripted_server server([](peer& client, int) { client.read_to_end(); });
  const auto sender = transport_to(server, {.total_timeout_ms = 100});
  const auto answer = send(*sender, server.origin());
  CHECK(answer.failure == "timeout");
  CHECK(answer.latency_us >= 100'000);
  CHECK(eventually([&] { return sender->current_status().connections == 0; }));
  CHECK(eventually([&] { return sender->current_status().origins == 0; }));
}

TEST_CASE("waiting counts, and what waits in vain times out", "[push][transport]") {
  scripted_server server([](peer& client, int) { client.read_to_end(); });
  const auto sender =
      transport_to(server, {.total_timeout_ms = 300, .connections_per_origin_max = 1, .waiting_per_origin_max = 1});
  auto first = start(*sender, request_to(server.origin()));
  auto second = start(*sender, request_to(server.origin()));
  const auto third = send(*sender, server.origin());
  CHECK(third.failure == "connect");
  CHECK(third.detail.find("too many requests wait") != std::string::npos);
  CHECK(wait(std::move(first)).failure == "timeout");
  CHECK(wait(std::move(second)).failure == "timeout");
}

TEST_CASE("connections per origin are limited and shared", "[push][transport]") {
  std::mutex mutex;
  std::condition_variable changed;
  int busy = 0;
  scripted_server server([&](peer& client, int) {
    while (!client.read_request().empty()) {
      // Nobody is answered before three requests are under way.
      std::unique_lock lock(mutex);
      ++busy;
      changed.notify_all();
      changed.wait_for(lock, patience, [&] { return busy >= 3; });
      lock.unlock();
      client.write(created);
    }
  });
  const auto sender = transport_to(server, {.connections_per_origin_max = 3});
  std::vector<std::future<ports::push_answer>> answers;
  for (int i = 0; i < 30; ++i) answers.push_back(start(*sender, request_to(server.origin())));
  for (auto& answer : answers) CHECK(wait(std::move(answer)).status == 201);
  CHECK(server.accepted() == 3);
}

TEST_CASE("an idle connection gives way to a needed one", "[push][transport]") {
  scripted_server one(always(created));
  scripted_server two(always(created));
  transport_options options{.connections_max = 1};
  options.endpoints.allow_origins = {one.origin(), two.origin()};
  const auto sender = transport::make(options).value();
  for (int i = 0; i < 3; ++i) {
    CHECK(send(*sender, one.origin()).status == 201);
    CHECK(send(*sender, two.origin()).status == 201);
    CHECK(sender->current_status().connections == 1);
  }
  std::vector<std::future<ports::push_answer>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(start(*sender, request_to(i % 2 == 0 ? one.origin() : two.origin())));
  for (auto& answer : answers) CHECK(wait(std::move(answer)).status == 201);
}

TEST_CASE("an unused connection is closed", "[push][transport]") {
  std::promise<void> hung_up;
  scripted_server server([&](peer& client, int) {
    client.read_request();
    client.write(created);
    client.read_to_end();
    hung_up.set_value();
  });
  const auto sender = transport_to(server, {.idle_timeout_ms = 50});
  CHECK(send(*sender, server.origin()).status == 201);
  CHECK(hung_up.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(eventually([&] { return sender->current_status().origins == 0; }));
}

TEST_CASE("a connection that the server closes while idle is forgotten", "[push][transport]") {
  scripted_server server([](peer& client, int) {
    client.read_request();
    client.write(created);
  });
  const auto sender = transport_to(server);
  CHECK(send(*sender, server.origin()).status == 201);
  CHECK(eventually([&] { return sender->current_status().connections == 0; }));
  CHECK(send(*sender, server.origin()).status == 201);
  CHECK(sender->current_status().retries == 0);
}

TEST_CASE("a closed port is a connect failure", "[push][transport]") {
  std::string origin;
  {
    origin = scripted_server(always(created)).origin();
  }
  const auto sender = transport::make({.endpoints = {.allow_origins = {origin}}}).value();
  CHECK(send(*sender, origin).failure == "connect");
}

TEST_CASE("addresses are judged when connecting", "[push][transport]") {
  scripted_server server(always(created));
  std::atomic<int> asked = 0;
  transport_options options;
  options.look_up = [&](const std::string& host) -> result<std::vector<ip_address>> {
    ++asked;
    if (host == "nowhere.example.net") return error{error_code::unavailable, "no such name"};
    if (host == "empty.example.net") return std::vector<ip_address>{};
    return std::vector{*parse_ipv4("127.0.0.1"), *parse_ipv4("169.254.169.254"), *parse_ipv6("::1")};
  };
  const auto sender = transport::make(options).value();
  CHECK(send(*sender, "https://push.example.net").failure == "address_forbidden");
  CHECK(send(*sender, "https://push.example.net").failure == "address_forbidden");
  CHECK(asked == 1);
  CHECK(send(*sender, "https://nowhere.example.net").failure == "connect");
  CHECK(send(*sender, "https://empty.example.net").failure == "connect");
  // Judged as text, without a look-up.
  CHECK(send(*sender, server.origin()).failure == "address_forbidden");
  CHECK(send(*sender, "https://127.1").failure == "address_forbidden");
  CHECK(send(*sender, "https://localhost").failure == "address_forbidden");
  CHECK(asked == 3);
  CHECK(server.accepted() == 0);
}

TEST_CASE("a name that hangs stalls nobody else", "[push][transport]") {
  struct gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
  };
  const auto hanging = std::make_shared<gate>();
  scripted_server server(always(created));
  transport_options options{.connect_timeout_ms = 100, .look_up_threads_max = 2};
  options.endpoints.allow_origins = {server.origin("http", "quick.example.net")};
  options.look_up = [hanging](const std::string& host) -> result<std::vector<ip_address>> {
    std::unique_lock lock(hanging->mutex);
    if (host == "slow.example.net") hanging->opened.wait(lock, [&] { return hanging->open; });
    return std::vector{*parse_ipv4("127.0.0.1")};
  };
  const auto sender = transport::make(options).value();
  auto slow = start(*sender, request_to("https://slow.example.net"));
  auto slow_too = start(*sender, request_to("https://slow.example.net"));
  CHECK(send(*sender, server.origin("http", "quick.example.net")).status == 201);
  CHECK(wait(std::move(slow)).failure == "timeout");
  CHECK(wait(std::move(slow_too)).failure == "timeout");
  // Ends although the look-up still hangs.
  sender->stop();
  const std::lock_guard lock(hanging->mutex);
  hanging->open = true;
  hanging->opened.notify_all();
}

TEST_CASE("no header can be smuggled in", "[push][transport]") {
  scripted_server server(always(created));
  const auto sender = transport_to(server);
  auto request = request_to(server.origin());
  request.topic = "a\r\nX: y";
  CHECK(wait(start(*sender, request)).failure == "protocol");
  request = request_to(server.origin());
  request.endpoint += "\r\nX: y";
  CHECK(wait(start(*sender, request)).failure == "address_forbidden");
  CHECK(server.accepted() == 0);
}

TEST_CASE("stopping ends what is under way and refuses more", "[push][transport]") {
  std::promise<void> arrived;
  scripted_server server([&](peer& client, int) {
    client.read_request();
    arrived.set_value();
    client.read_to_end();
  });
  const auto sender = transport_to(server, {.connections_per_origin_max = 1});
  auto under_way = start(*sender, request_to(server.origin()));
  auto waiting = start(*sender, request_to(server.origin()));
  REQUIRE(arrived.get_future().wait_for(patience) == std::future_status::ready);
  sender->stop();
  CHECK(wait(std::move(under_way)).failure == "shutdown");
  CHECK(wait(std::move(waiting)).failure == "shutdown");
  CHECK(send(*sender, server.origin()).failure == "shutdown");
  sender->stop();
  CHECK(sender->current_status().requests == 0);
}

TEST_CASE("options that cannot work are refused", "[push][transport]") {
  CHECK(transport::make({.endpoints = {.allow_origins = {"localhost:8080"}}}).error().code ==
        error_code::invalid_input);
  CHECK(transport::make({.ca_files = {"/nonexistent/ca.pem"}}).error().code == error_code::io_error);
}
