// Certificates are made here, through OpenSSL, for a server on this host.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tests/unit/push/scripted_server.hpp"

using namespace social;
using namespace social::push;
using namespace social::push::testing;
namespace fs = std::filesystem;

namespace {

struct certificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x509 = X509_new();
  ~certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }
};

void extend(X509* x509, int what, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
  REQUIRE(extension != nullptr);
  X509_add_ext(x509, extension, -1);
  X509_EXTENSION_free(extension);
}

/// `issuer` nullptr: signs itself and may sign others.
void make(certificate& c, const char* name, const char* alternative_names, const certificate* issuer,
          long life_s = 3600) {
  static long serial = 1;
  X509_set_version(c.x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++);
  X509_gmtime_adj(X509_getm_notBefore(c.x509), -7200);
  X509_gmtime_adj(X509_getm_notAfter(c.x509), life_s);
  X509_set_pubkey(c.x509, c.key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c.x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(c.x509, X509_get_subject_name(issuer != nullptr ? issuer->x509 : c.x509));
  if (issuer == nullptr) extend(c.x509, NID_basic_constraints, "critical,CA:TRUE");
  if (alternative_names != nullptr) extend(c.x509, NID_subject_alt_name, alternative_names);
  REQUIRE(X509_sign(c.x509, issuer != nullptr ? issuer->key : c.key, EVP_sha256()) > 0);
}

class tls_peer final : public peer {
 public:
  tls_peer(int socket, SSL* ssl) : peer(socket), ssl_(ssl) {}
  ~tls_peer() override { SSL_free(ssl_); }

 protected:
  ssize_t receive(char* bytes, std::size_t size) override { return SSL_read(ssl_, bytes, static_cast<int>(size)); }
  ssize_t transmit(const char* bytes, std::size_t size) override {
    return SSL_write(ssl_, bytes, static_cast<int>(size));
  }

 private:
  SSL* ssl_;
};

struct tls_fixture {
  certificate authority;
  certificate own;
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  fs::path ca_file;
  std::mutex mutex;
  std::string asked_name;  ///< SNI

  tls_fixture() {
    make(authority, "test authority", nullptr, nullptr);
    std::string name = (fs::temp_directory_path() / "ca-XXXXXX").string();
    const int file = ::mkstemp(name.data());
    REQUIRE(file >= 0);
    FILE* stream = ::fdopen(file, "w");
    PEM_write_X509(stream, authority.x509);
    std::fclose(stream);
    ca_file = name;
  }
  ~tls_fixture() {
    SSL_CTX_free(context);
    fs::remove(ca_file);
  }
  void use(const char* alternative_names, long life_s = 3600) {
    make(own, "not looked at", alternative_names, &authority, life_s);
    REQUIRE(SSL_CTX_use_certificate(context, own.x509) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context, own.key) == 1);
  }
  /// Accepts TLS in the connection's thread.
  scripted_server::peer_maker accept() {
    return [this](int socket) -> std::unique_ptr<peer> {
      // OpenSSL writes with write(). Only in this thread: the transport must do without.
      sigset_t broken_pipe;
      sigemptyset(&broken_pipe);
      sigaddset(&broken_pipe, SIGPIPE);
      ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
      SSL* ssl = SSL_new(context);
      SSL_set_fd(ssl, socket);
      const bool good = SSL_accept(ssl) == 1;
      if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
        const std::lock_guard lock(mutex);
        asked_name = name;
      }
      ERR_clear_error();
      if (good) return std::make_unique<tls_peer>(socket, ssl);
      SSL_free(ssl);
      return nullptr;
    };
  }
  /// A transport for which every name leads to this host.
  std::unique_ptr<transport> sender(const std::string& origin, bool with_ca, transport_options options = {}) const {
    options.endpoints.allow_origins = {origin};
    if (with_ca) options.ca_files = {ca_file};
    options.look_up = [](const std::string&) -> result<std::vector<ip_address>> {
      return std::vector{*parse_ipv4("127.0.0.1")};
    };
    return transport::make(std::move(options)).value();
  }
};

}  // namespace

TEST_CASE("TLS with a known authority and the right name", "[push][transport][tls]") {
  tls_fixture tls;
  tls.use("DNS:push.example.net");
  scripted_server server(always(created), tls.accept());
  const auto origin = server.origin("https", "push.example.net");
  const auto sender = tls.sender(origin, true);
  for (int i = 0; i < 3; ++i) CHECK(send(*sender, origin).status == 201);
  CHECK(server.accepted() == 1);
  const std::lock_guard lock(tls.mutex);
  CHECK(tls.asked_name == "push.example.net");
}

TEST_CASE("a certificate may name an address", "[push][transport][tls]") {
  tls_fixture tls;
  tls.use("IP:127.0.0.1");
  scripted_server server(always(created), tls.accept());
  const auto origin = server.origin("https");
  CHECK(send(*tls.sender(origin, true), origin).status == 201);
  const std::lock_guard lock(tls.mutex);
  CHECK(tls.asked_name.empty());
}

TEST_CASE("an unknown authority is refused, also for an allowed origin", "[push][transport][tls]") {
  tls_fixture tls;
  tls.use("DNS:push.example.net");
  scripted_server server(always(created), tls.accept());
  const auto origin = server.origin("https", "push.example.net");
  const auto answer = send(*tls.sender(origin, false), origin);
  CHECK(answer.status == 0);
  CHECK(answer.failure == "tls");
}

TEST_CASE("a certificate of another name or of yesterday is refused", "[push][transport][tls]") {
  const auto [names, life_s] = GENERATE(table<const char*, long>({{"DNS:other.example.net", 3600L},
                                                                  {"DNS:example.net", 3600L},
                                                                  {"IP:127.0.0.1", 3600L},
                                                                  {"DNS:push.example.net", -60L}}));
  tls_fixture tls;
  tls.use(names, life_s);
  scripted_server server(always(created), tls.accept());
  const auto origin = server.origin("https", "push.example.net");
  CHECK(send(*tls.sender(origin, true), origin).failure == "tls");
}

TEST_CASE("TLS older than 1.2 is refused", "[push][transport][tls]") {
  const int version = GENERATE(TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION);
  tls_fixture tls;
  tls.use("DNS:push.example.net");
  // Level 0 is what lets OpenSSL speak 1.1 at all.
  SSL_CTX_set_security_level(tls.context, 0);
  SSL_CTX_set_min_proto_version(tls.context, version);
  SSL_CTX_set_max_proto_version(tls.context, version);
  scripted_server server(always(created), tls.accept());
  const auto origin = server.origin("https", "push.example.net");
  const auto answer = send(*tls.sender(origin, true), origin);
  CHECK(answer.status == (version == TLS1_1_VERSION ? 0 : 201));
  CHECK(answer.failure == (version == TLS1_1_VERSION ? "tls" : ""));
}

TEST_CASE("a server that speaks no TLS, or never does, is refused in time", "[push][transport][tls]") {
  const bool silent = GENERATE(false, true);
  tls_fixture tls;
  tls.use("DNS:push.example.net");
  scripted_server server([&](peer& client, int) {
    if (!silent) client.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    client.read_to_end();
  });
  const auto origin = server.origin("https", "push.example.net");
  const auto sender = tls.sender(origin, true, {.connect_timeout_ms = 200});
  CHECK(send(*sender, origin).failure == (silent ? "timeout" : "tls"));
}

TEST_CASE("a kept TLS connection found closed is replaced once", "[push][transport][tls]") {
  tls_fixture tls;
  tls.use("DNS:push.example.net");
  scripted_server server(
      [&](peer& client, int number) {
        client.read_request();
        client.write(created);
        if (number == 0) client.read_request();
      },
      tls.accept());
  const auto origin = server.origin("https", "push.example.net");
  const auto sender = tls.sender(origin, true);
  CHECK(send(*sender, origin).status == 201);
  CHECK(send(*sender, origin).status == 201);
  CHECK(server.accepted() == 2);
  CHECK(sender->current_status().retries == 1);
}
