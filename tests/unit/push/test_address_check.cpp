#include <string>

#include "actors/push/address_check.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::push;

TEST_CASE("endpoints of real services pass", "[push][address]") {
  const auto fcm = judge_endpoint("https://fcm.googleapis.com/fcm/send/abc:APA91b-_x?y=%2F|z");
  REQUIRE(fcm);
  CHECK(fcm->scheme == "https");
  CHECK(fcm->host == "fcm.googleapis.com");
  CHECK(fcm->port == 443);
  CHECK(fcm->origin == "https://fcm.googleapis.com");
  CHECK(fcm->target == "/fcm/send/abc:APA91b-_x?y=%2F|z");
  CHECK_FALSE(fcm->allowed);

  CHECK(judge_endpoint("HTTPS://Updates.Push.Services.MOZILLA.com:443/WPush").value().origin ==
        "https://updates.push.services.mozilla.com");
  CHECK(judge_endpoint("https://push.example.net").value().target == "/");
  CHECK(judge_endpoint("https://push.example.net?token=1").value().target == "/?token=1");
  CHECK(judge_endpoint("https://web.push.apple.com/Q").value().target == "/Q");
  CHECK(judge_endpoint("https://push.example.net/user@host").value().host == "push.example.net");
}

TEST_CASE("an endpoint has at most 2048 characters", "[push][address]") {
  const std::string base = "https://push.example.net/";
  CHECK(judge_endpoint(base + std::string(2048 - base.size(), 'x')));
  CHECK(judge_endpoint(base + std::string(2049 - base.size(), 'x')).error().text() == "has more than 2048 characters");
}

TEST_CASE("endpoints that lead elsewhere are refused", "[push][address]") {
  const auto url = GENERATE(values<std::string>(
      {"", "push.example.net/x", "http://push.example.net/x", "ftp://push.example.net/x", "//push.example.net/x",
       "https:/push.example.net/x", "https:///x", "https://:443/x", "javascript://push.example.net/x",
       // user info, ports
       "https://user@push.example.net/x", "https://user:word@push.example.net/x", "https://@push.example.net/x",
       "https://push.example.net:8443/x", "https://push.example.net:80/x", "https://push.example.net:/x",
       "https://push.example.net:0443/x", "https://push.example.net:0/x", "https://push.example.net:65979/x",
       "https://push.example.net:443x/x", "https://push.example.net:+443/x",
       // addresses in every spelling
       "https://127.0.0.1/x", "https://8.8.8.8/x", "https://127.1/x", "https://127.0.1/x", "https://2130706433/x",
       "https://0x7f000001/x", "https://0X7F.1/x", "https://0177.0.0.1/x", "https://017700000001/x", "https://0/x",
       "https://0x/x", "https://0x7f.0.0.0x1/x", "https://192.168.257/x", "https://1.2.3.4.5/x", "https://256.1.1.1/x",
       "https://4294967296/x", "https://foo.0x7f/x", "https://foo.1/x", "https://08.1.1.1/x", "https://[::1]/x",
       "https://[::]/x", "https://[::ffff:127.0.0.1]/x", "https://[64:ff9b::7f00:1]/x", "https://[fe80::1%25eth0]/x",
       "https://[fe80::1%eth0]/x", "https://[2606:4700::1111]/x", "https://[::1/x", "https://[]/x", "https://[::1]x/x",
       "https://::1/x", "https://[v1.x]/x",
       // special names
       "https://localhost/x", "https://LOCALHOST/x", "https://localhost./x", "https://push.example.net./x",
       "https://a.localhost/x", "https://printer.local/x", "https://metadata.google.internal/x", "https://a.test/x",
       "https://a.invalid/x", "https://push.example/x", "https://abc.onion/x", "https://router.home.arpa/x",
       "https://1.0.0.127.in-addr.arpa/x", "https://intranet/x", "https://a.lan/x", "https://a.localdomain/x",
       // malformed names and characters
       "https://push..example.net/x", "https://.example.net/x", "https://-a.example.net/x", "https://a-.example.net/x",
       "https://push%2eexample.net/x", "https://push.example.net\\@evil.net/x", "https://push.example.net/a b",
       "https://push.example.net/\r\nHost: evil", " https://push.example.net/x", "https://push.example.net/\xc3\xa9",
       "https://p\xc3\xbcsh.example.net/x", "https://push.example.net/x#y", "https://a,b.example.net/x",
       "https://push.example.net/\x7f"}));
  CAPTURE(url);
  const auto judged = judge_endpoint(url);
  CHECK_FALSE(judged);
  CHECK_FALSE(judge_endpoint(url, {.allow_origins = {"https://other.example.net", "not an origin"}}));
}

TEST_CASE("a reason never repeats the path", "[push][address]") {
  const auto judged = judge_endpoint("https://127.0.0.1/secret");
  REQUIRE_FALSE(judged);
  CHECK(judged.error().code == error_code::invalid_input);
  CHECK(judged.error().text() == "must name a host, not an address");
}

TEST_CASE("an allowed origin is exempt, exactly that origin", "[push][address]") {
  const endpoint_options options{
      .allow_origins = {"HTTP://127.0.0.1:8090", "https://Localhost:443/", "http://[0:0::1]:99"}};
  const auto local = judge_endpoint("http://127.0.0.1:8090/push/1", options);
  REQUIRE(local);
  CHECK(local->allowed);
  CHECK(local->origin == "http://127.0.0.1:8090");
  CHECK(judge_endpoint("https://localhost/x", options).value().allowed);
  const auto v6 = judge_endpoint("http://[::1]:99/x", options);
  REQUIRE(v6);
  CHECK(v6->host == "::1");
  CHECK(v6->origin == "http://[::1]:99");
  // Another spelling of the same address is the same origin.
  CHECK(judge_endpoint("http://0x7f.1:8090/x", options).value().host == "127.0.0.1");

  CHECK_FALSE(judge_endpoint("http://127.0.0.1:8091/x", options));
  CHECK_FALSE(judge_endpoint("https://127.0.0.1:8090/x", options));
  CHECK_FALSE(judge_endpoint("http://localhost/x", options));
  CHECK_FALSE(judge_endpoint("https://localhost:8443/x", options));
  CHECK_FALSE(judge_endpoint("http://user@127.0.0.1:8090/x", options));
  CHECK_FALSE(judge_endpoint("http://127.0.0.1:8090/" + std::string(2048, 'x'), options));
  CHECK_FALSE(judge_endpoint("https://push.example.net/x", options).value().allowed);
}

TEST_CASE("origins are normalised", "[push][address]") {
  CHECK(normalize_origin("HTTPS://Push.Example.NET:443").value() == "https://push.example.net");
  CHECK(normalize_origin("http://push.example.net:80/").value() == "http://push.example.net");
  CHECK(normalize_origin("http://push.example.net:443").value() == "http://push.example.net:443");
  CHECK(normalize_origin("https://[::FFFF:1.2.3.4]:8443").value() == "https://[::ffff:1.2.3.4]:8443");
  CHECK_FALSE(normalize_origin("https://push.example.net/path"));
  CHECK_FALSE(normalize_origin("push.example.net"));
  CHECK_FALSE(normalize_origin("https://push.example.net?x"));
}

TEST_CASE("forbidden addresses, their first and last, and their neighbours", "[push][address]") {
  for (const auto* text : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.0",
                           "192.0.0.255",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.0.0",
                           "192.168.255.255",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.9",
                           "203.0.113.9",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::7f00:1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.1.2.3",
                           "::ffff:0:127.0.0.1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b:1::1",
                           "2002:7f00:1::",
                           "2002:a00:1::1",
                           "2001::1",
                           "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                           "2001:1ff::1",
                           "2001:db8::1",
                           "3fff::1",
                           "3fff:fff::1",
                           "5f00::1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1",
                           "",
                           "push.example.net",
                           "fe80::1%eth0"}) {
    CAPTURE(text);
    CHECK(is_forbidden_address(text));
  }
  for (const auto* text : {"1.0.0.0",     "9.255.255.255",        "11.0.0.0",         "100.63.255.255",
                           "100.128.0.0", "126.255.255.255",      "128.0.0.0",        "169.253.255.255",
                           "169.255.0.0", "172.15.255.255",       "172.32.0.0",       "192.0.1.0",
                           "192.0.3.0",   "192.167.255.255",      "192.169.0.0",      "198.17.255.255",
                           "198.20.0.0",  "198.51.101.0",         "203.0.114.0",      "223.255.255.255",
                           "8.8.8.8",     "::ffff:8.8.8.8",       "64:ff9b::8.8.8.8", "2002:808:808::1",
                           "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111",  "2a00::1",
                           "3ffe::1",     "3fff:1000::1",         "2001:db7::1",      "2001:db9::1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_forbidden_address(text));
  }
}
