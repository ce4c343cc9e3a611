// Answers, header lines, keep-alive, pipelining, HEAD, bodies.
#include "tests/unit/http/test_server_fixture.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::test;

TEST_CASE("server: an answer carries the lines that every answer has") {
  running_server running;
  client caller(running.port);
  const auto got = caller.ask(post("/echo", "hello"));
  CHECK(got.status == 200);
  CHECK(got.body == "hello");
  CHECK(got.has("Content-Length: 5"));
  CHECK(got.has("Content-Type: text/plain"));
  CHECK(got.has("X-Content-Type-Options: nosniff"));
  CHECK(got.value("X-Request-Id").size() == 32);
  CHECK(got.value("Date").ends_with(" GMT"));
  CHECK(got.value("Connection").empty());
}

TEST_CASE("server: a sane request id and trace are kept, others replaced") {
  running_server running;
  client caller(running.port);
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  auto got = caller.ask(get("/head", "X-Request-Id: a.b_c-9\r\ntraceparent: " + trace + "\r\n"));
  CHECK(got.value("X-Request-Id") == "a.b_c-9");
  CHECK(got.body.find("\"id\":\"a.b_c-9\"") != std::string::npos);
  CHECK(got.body.find("\"trace\":\"" + trace + "\"") != std::string::npos);

  got = caller.ask(get("/head", "X-Request-Id: " + std::string(128, 'a') + "\r\n"));
  CHECK(got.value("X-Request-Id") == std::string(128, 'a'));
  got = caller.ask(get("/head", "X-Request-Id: " + std::string(129, 'a') + "\r\n"));
  CHECK(got.value("X-Request-Id").size() == 32);
  got = caller.ask(get("/head", "X-Request-Id: a b\r\ntraceparent: 00-0-0-0\r\n"));
  CHECK(got.value("X-Request-Id").size() == 32);
  CHECK(got.body.find("\"trace\":\"00-0-0-0\"") == std::string::npos);
  CHECK(got.body.find("\"trace\":\"00-") != std::string::npos);
}

TEST_CASE("server: keep-alive by version and Connection") {
  running_server running;
  SECTION("1.1 stays open") {
    client caller(running.port);
    for (int i = 0; i < 3; ++i) CHECK(caller.ask(get("/echo")).status == 200);
  }
  SECTION("1.1 with close ends") {
    client caller(running.port);
    CHECK(caller.ask(get("/echo", "Connection: close\r\n")).has("Connection: close"));
    CHECK(caller.ends());
  }
  SECTION("1.0 ends") {
    client caller(running.port);
    CHECK(caller.ask("GET /echo HTTP/1.0\r\n\r\n").has("Connection: close"));
    CHECK(caller.ends());
  }
  SECTION("1.0 with keep-alive stays open and is told so") {
    client caller(running.port);
    for (int i = 0; i < 2; ++i)
      CHECK(caller.ask("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").has("Connection: keep-alive"));
  }
  SECTION("the handler may close") {
    client caller(running.port);
    CHECK(caller.ask(get("/close")).has("Connection: close"));
    CHECK(caller.ends());
  }
}

TEST_CASE("server: pipelined requests are answered in their order, late answers included") {
  running_server running;
  client caller(running.port);
  std::string all;
  for (int i = 0; i < 200; ++i) all += post("/echo", std::to_string(i));
  caller.send(all);
  for (int i = 0; i < 200; ++i) CHECK(caller.receive().body == std::to_string(i));

  caller.send(get("/later") + post("/echo", "second") + get("/later") + post("/echo", "fourth"));
  for (const char* text : {"first", "third"}) {
    auto answer = running.api.next_waiting();
    response late;
    late.body = text;
    std::thread([&] { answer(late); }).join();
    CHECK(caller.receive().body == text);
    CHECK(!caller.receive().body.empty());
  }
}

TEST_CASE("server: bytes may come one at a time") {
  running_server running;
  client caller(running.port);
  for (const char byte : post("/echo", "slow body")) caller.send({&byte, 1});
  CHECK(caller.receive().body == "slow body");
  for (const char byte : std::string("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                     "3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n"))
    caller.send({&byte, 1});
  CHECK(caller.receive().body == "abcdefg");
}

TEST_CASE("server: HEAD is GET without the body") {
  running_server running;
  client caller(running.port);
  caller.send("HEAD /big?n=100000 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto got = caller.receive(true);
  CHECK(got.status == 200);
  CHECK(got.has("Content-Length: 100000"));
  // What follows is the next answer, not a body.
  CHECK(caller.ask(get("/head")).body.find("\"method\":\"GET\"") != std::string::npos);
}

TEST_CASE("server: an answer without a body says no length") {
  running_server running;
  client caller(running.port);
  const auto got = caller.ask(get("/empty"));
  CHECK(got.status == 204);
  CHECK(got.value("Content-Length").empty());
  CHECK(caller.ask(get("/echo")).status == 200);
}

TEST_CASE("server: large answers arrive whole") {
  running_server running;
  client caller(running.port);
  for (const std::size_t size : {8'192UL, 8'193UL, 5'000'000UL}) {
    const auto got = caller.ask(get("/big?n=" + std::to_string(size)));
    CHECK(got.body == std::string(size, 'x'));
  }
}

TEST_CASE("server: a header of the handler cannot break out of its line") {
  running_server running;
  client caller(running.port);
  const auto got = caller.ask(get("/split"));
  CHECK(got.has("X-Good: c"));
  CHECK(got.head.find("X-Injected") == std::string::npos);
}

TEST_CASE("server: a handler that throws or forgets is answered for") {
  running_server running;
  client caller(running.port);
  for (const char* target : {"/throw", "/drop"}) {
    const auto got = caller.ask(get(target));
    CHECK(got.status == 500);
    CHECK(got.body.find(got.value("X-Request-Id")) != std::string::npos);
    CHECK(got.body.find("scripted") == std::string::npos);
  }
  CHECK(caller.ask(get("/echo")).status == 200);
}

TEST_CASE("server: targets are decoded once and read in one way only") {
  running_server running;
  const auto path_of = [&](const std::string& target) {
    client caller(running.port);
    return caller.ask("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  };
  CHECK(path_of("/head?a=%41&b").body.find(R"("path":"/head","query":"a=%41&b")") != std::string::npos);
  CHECK(path_of("/h%65ad").body.find(R"("path":"/head")") != std::string::npos);
  CHECK(path_of("http://other.example/head?x").body.find(R"("path":"/head","query":"x")") != std::string::npos);
  CHECK(path_of("http://other.example").status == 200);
  for (const char* bad : {"/a%2Fb", "/a%2fb", "/a%00", "/a%", "/a%4", "/a%zz", "/a?x=%00", "/a?x=%", "/a#b", "a",
                          "/%0a", "http://", "http:///a", "ftp://a/b", "host:80"})
    CHECK(path_of(bad).status == 400);
}

TEST_CASE("server: query values are decoded, the last one wins") {
  request_head head;
  head.query = "a=1&b=x+y%2Bz&a=2&flag&=none&c=%C3%A9";
  std::string value;
  CHECK((head.query_value("a", value) && value == "2"));
  CHECK((head.query_value("b", value) && value == "x y+z"));
  CHECK((head.query_value("flag", value) && value.empty()));
  CHECK((head.query_value("c", value) && value == "\xC3\xA9"));
  CHECK(!head.query_value("missing", value));
}

TEST_CASE("server: only a trusted proxy may say who the client is") {
  const auto remote = [](std::vector<std::string> trusted, const std::string& forwarded) {
    running_server running({.trusted_proxies = std::move(trusted)});
    client caller(running.port);
    const auto body = caller.ask(get("/head", forwarded)).body;
    const auto at = body.find("\"remote\":\"") + 10;
    return body.substr(at, body.find('"', at) - at);
  };
  CHECK(remote({}, "X-Forwarded-For: 192.0.2.1\r\n") == "127.0.0.1");
  CHECK(remote({"127.0.0.0/8"}, "") == "127.0.0.1");
  CHECK(remote({"127.0.0.0/8"}, "X-Forwarded-For: 192.0.2.1\r\n") == "192.0.2.1");
  CHECK(remote({"127.0.0.0/8"}, "X-Forwarded-For: 192.0.2.9, 192.0.2.1\r\n") == "192.0.2.1");
  CHECK(remote({"127.0.0.0/8", "10.0.0.0/8"}, "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 192.0.2.1, 10.1.1.1\r\n") ==
        "192.0.2.1");
  CHECK(remote({"127.0.0.0/8"}, "X-Forwarded-For: 192.0.2.1, nonsense\r\n") == "127.0.0.1");
  CHECK(remote({"127.0.0.0/8"}, "X-Forwarded-For: [2001:db8::1]:99\r\n") == "2001:db8::1");
}
