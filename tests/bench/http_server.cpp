// Our HTTP server with a handler that does nothing: what limits, parsing and header lines cost without an application.
//
//   bench_http_server --threads 2 --body FILE
//
// Prints one line with its port. Ends when standard input does.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <unistd.h>

#include "http/server/envelope.hpp"
#include "http/server/server.hpp"

namespace {

using namespace social;
using namespace social::http;

class constant_handler final : public handler {
 public:
  explicit constant_handler(std::string body) : body_(std::move(body)) {}
  head_decision decide(const request_head&) override { return body_plan{64UL * 1024, nullptr}; }
  void handle(std::shared_ptr<const request_head>, std::string, std::shared_ptr<void>, respond answer) override {
    response made;
    made.body = body_;
    answer(std::move(made));
  }
  response refuse(const error& why, std::string_view request_id) override { return failure(why, request_id); }

 private:
  const std::string body_;
};

}  // namespace

int main(int argc, char* argv[]) {
  std::map<std::string, std::string> options{{"--threads", "2"}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  std::ifstream in(options["--body"], std::ios::binary);
  constant_handler api(std::string(std::istreambuf_iterator<char>(in), {}));
  server served({.threads = std::stoul(options["--threads"])}, api);
  const auto port = served.start();
  if (!port) {
    std::fprintf(stderr, "bench_http_server: %s\n", std::string(port.error().text()).c_str());
    return 1;
  }
  std::printf("{\"ready\":{\"port\":%d,\"pid\":%d}}\n", *port, static_cast<int>(::getpid()));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  served.stop();
  return 0;
}
