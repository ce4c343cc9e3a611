// Each limit at it and one beyond it, time-outs, and what must not be understood in two ways.
#include "tests/unit/http/test_server_fixture.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::test;

namespace {

constexpr std::int64_t short_ms = 30;

/// The status for bytes on a fresh connection, and whether the server closes after it.
struct outcome {
  int status;
  bool closes;
};

outcome outcome_of(const running_server& running, const std::string& bytes) {
  client caller(running.port);
  const auto got = caller.ask(bytes);
  const bool closes = got.has("Connection: close");
  if (closes) CHECK(caller.ends());
  CHECK(!caller.was_reset());
  return {got.status, closes};
}

std::string with_header_bytes(std::size_t bytes) {
  const std::string fixed = "Host: a\r\nX-Filler: \r\n\r\n";
  return "GET /echo HTTP/1.1\r\nHost: a\r\nX-Filler: " + std::string(bytes - fixed.size(), 'x') + "\r\n\r\n";
}

std::string with_fields(std::size_t count) {
  std::string text = "GET /echo HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 1; i < count; ++i) text += "X: y\r\n";
  return text + "\r\n";
}

std::string chunked(std::size_t bytes, std::string_view target = "/small") {
  std::string text = "POST " + std::string(target) + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t i = 0; i < bytes; ++i) text += "1\r\nx\r\n";
  return text + "0\r\n\r\n";
}

}  // namespace

TEST_CASE("server limits: header bytes, fields and target") {
  running_server running;
  CHECK(outcome_of(running, with_header_bytes(16 * 1024)).status == 200);
  CHECK(outcome_of(running, with_header_bytes(16 * 1024 + 1)).status == 431);
  CHECK(outcome_of(running, with_header_bytes(1024 * 1024)).status == 431);
  CHECK(outcome_of(running, with_fields(100)).status == 200);
  CHECK(outcome_of(running, with_fields(101)).status == 431);
  CHECK(outcome_of(running, get("/" + std::string(8 * 1024 - 1, 'a'))).status == 200);
  CHECK(outcome_of(running, get("/" + std::string(8 * 1024, 'a'))).status == 414);
  CHECK(outcome_of(running, get("/" + std::string(200'000, 'a'))).status == 414);
  CHECK(running.served.statistics().malformed == 5);
}

TEST_CASE("server limits: the handler's body limit, by length and by chunks") {
  running_server running;
  CHECK(outcome_of(running, post("/small", std::string(10, 'x'))).status == 200);
  const auto over = outcome_of(running, post("/small", std::string(11, 'x')));
  CHECK(over.status == 413);
  CHECK(over.closes);
  CHECK(outcome_of(running, chunked(10)).status == 200);
  CHECK(outcome_of(running, chunked(11)).status == 413);
  // Announced is enough, in both forms.
  CHECK(outcome_of(running, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n").status == 413);
  CHECK(outcome_of(running, "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n").status ==
        413);
}

TEST_CASE("server limits: a client in the middle of a large body still sees why it was refused") {
  running_server running;
  client caller(running.port);
  caller.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
  for (int i = 0; i < 80; ++i) caller.send(std::string(100'000, 'x'));
  const auto got = caller.receive();
  CHECK(got.status == 413);
  CHECK(!caller.was_reset());
}

TEST_CASE("server limits: a small unread body is read away and the connection stays") {
  running_server running;
  client caller(running.port);
  CHECK(caller.ask(post("/refuse", std::string(60'000, 'x'))).status == 401);
  CHECK(caller.ask(chunked(10, "/refuse")).status == 401);
  CHECK(caller.ask(get("/echo")).status == 200);
  const auto got = caller.ask(post("/refuse", std::string(64 * 1024 + 1, 'x')));
  CHECK(got.status == 401);
  CHECK(got.has("Connection: close"));
}

TEST_CASE("server limits: a refusal does not wait for the body") {
  running_server running;
  client caller(running.port);
  CHECK(caller.ask("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").status == 401);
  caller.send("12345");
  CHECK(caller.ask(get("/echo")).status == 200);
}

TEST_CASE("server: Expect is answered after the handler decided") {
  running_server running;
  {
    client caller(running.port);
    CHECK(caller.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").status ==
          100);
    CHECK(caller.ask("ok").body == "ok");
    CHECK(caller.ask(post("/echo", "with body", "Expect: 100-continue\r\n")).body == "with body");
  }
  const std::string refused = " HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n";
  CHECK(outcome_of(running, "POST /small" + refused).status == 413);
  const auto early = outcome_of(running, "POST /refuse" + refused);
  CHECK(early.status == 401);
  CHECK(early.closes);
}

TEST_CASE("server: what two readers could understand differently is refused") {
  running_server running;
  const std::string start = "POST /echo HTTP/1.1\r\nHost: a\r\n";
  for (const std::string& bytes :
       std::vector<std::string>{start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                                start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                                start + "Transfer-Encoding: identity\r\n\r\n",
                                start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                start + "Transfer-Encoding: \x0b"
                                        "chunked\r\n\r\n0\r\n\r\n",
                                start + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
                                start + "Content-Length: 3, 3\r\n\r\nabc",
                                start + "Content-Length: +3\r\n\r\nabc",
                                start + "Content-Length: -1\r\n\r\n",
                                start + "Content-Length: 0x3\r\n\r\nabc",
                                start + "Content-Length: 99999999999999999999\r\n\r\n",
                                start + "Content-Length : 3\r\n\r\nabc",
                                start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                                start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
                                start + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
                                start + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
                                "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                "GET /echo HTTP/1.1\r\n\r\n",
                                "GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                                "GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n",
                                "GET /echo HTTP/1.1\nHost: a\n\n",
                                "GET /echo HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n",
                                std::string("GET /echo HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 39),
                                "GET /echo HTTP/2.0\r\nHost: a\r\n\r\n",
                                "GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n",
                                "GET /echo\r\n\r\n",
                                "\x16\x03\x01\x02garbage\r\n\r\n",
                                "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    INFO(bytes);
    const auto seen = outcome_of(running, bytes);
    CHECK(seen.status == 400);
    CHECK(seen.closes);
  }
}

TEST_CASE("server: a smuggled request is not served") {
  running_server running;
  client caller(running.port);
  caller.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
              get("/head"));
  CHECK(caller.receive().status == 400);
  CHECK(caller.ends());
}

TEST_CASE("server: endless chunk headers and trailers are bounded") {
  running_server running;
  const std::string start = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(outcome_of(running, start + "1;" + std::string(40'000, 'x')).status == 431);
  CHECK(outcome_of(running, start + "0\r\nT: " + std::string(40'000, 'x')).status == 431);
  std::string many = start + "0\r\n";
  for (int i = 0; i < 100; ++i) many += "T: x\r\n";
  CHECK(outcome_of(running, many + "\r\n").status == 431);
}

TEST_CASE("server time-outs: header and body must become complete") {
  running_server running({.header_timeout_ms = short_ms, .body_timeout_ms = short_ms});
  CHECK(outcome_of(running, "GET /echo HTTP/1.1\r\nHost:").status == 408);
  CHECK(outcome_of(running, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc").status == 408);
  CHECK(outcome_of(running, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").status ==
        408);
  CHECK(running.served.statistics().timeouts == 3);
  // Who never says a word gets none.
  client silent(running.port);
  CHECK(silent.ends());
}

TEST_CASE("server time-outs: bytes that trickle in do not extend them") {
  running_server running({.header_timeout_ms = 100});
  client caller(running.port);
  caller.send("GET /echo HTTP/1.1\r\n");
  const auto start = std::chrono::steady_clock::now();
  while (caller.send("X: y\r\n") && std::chrono::steady_clock::now() - start < patience &&
         running.served.statistics().timeouts == 0)
    std::this_thread::yield();
  // Either the time or, on a fast machine, the size of the header ends it.
  const auto status = caller.receive().status;
  CHECK((status == 408 || status == 431));
}

TEST_CASE("server time-outs: an idle connection is closed without a word, a working one is not") {
  running_server running({.idle_timeout_ms = short_ms});
  client caller(running.port);
  CHECK(caller.ask(get("/echo")).status == 200);
  CHECK(caller.ends());

  client patient(running.port);
  client witness(running.port);
  patient.send(get("/later"));
  const auto answer = running.api.next_waiting();
  CHECK(witness.ask(get("/echo")).status == 200);
  CHECK(witness.ends());  // its idle time has passed meanwhile
  answer(response{});
  CHECK(patient.receive().status == 200);
}

TEST_CASE("server time-outs: a client that does not read its answer") {
  running_server running({.write_timeout_ms = short_ms});
  client caller(running.port);
  caller.send(get("/big?n=50000000"));
  CHECK(eventually([&] { return running.served.statistics().timeouts == 1; }));
  CHECK(eventually([&] { return running.served.statistics().connections_active == 0; }));
}

TEST_CASE("server limits: connections in all and of one address") {
  const auto check = [](server_options options, auto refused) {
    running_server running(std::move(options));
    client first(running.port);
    client second(running.port);
    CHECK(first.ask(get("/echo")).status == 200);
    CHECK(second.ask(get("/echo")).status == 200);
    {
      client third(running.port);
      third.send(get("/echo"));
      const auto got = third.receive();
      CHECK(got.status == 503);
      CHECK(got.body.find("overloaded") != std::string::npos);
      CHECK(!got.value("Retry-After").empty());
      CHECK(third.ends());
    }
    CHECK(refused(running.served.statistics()) == 1);
    CHECK(first.ask(get("/echo", "Connection: close\r\n")).status == 200);
    CHECK(first.ends());
    CHECK(eventually([&] { return running.served.statistics().connections_active == 1; }));
    client fourth(running.port);
    CHECK(fourth.ask(get("/echo")).status == 200);
  };
  check({.connections_max = 2}, [](const auto& counts) { return counts.connections_refused_total; });
  check({.connections_per_address_max = 2}, [](const auto& counts) { return counts.connections_refused_address; });

  running_server proxied({.trusted_proxies = {"127.0.0.1"}, .connections_per_address_max = 1});
  client first(proxied.port);
  client second(proxied.port);
  CHECK(first.ask(get("/echo")).status == 200);
  CHECK(second.ask(get("/echo")).status == 200);
}
