// The key files: made once, atomically, and never replaced.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "actors/base/base64.hpp"
#include "actors/base/digest.hpp"
#include "actors/push/vapid.hpp"

namespace social::push {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_file_bytes_max = 8192;
constexpr unsigned key_number_max = 9999;

template <auto Free>
struct deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, deleter<Free>>;
using owned_key = owned<EVP_PKEY, EVP_PKEY_free>;
using owned_bio = owned<BIO, BIO_free_all>;

class file_descriptor {
 public:
  explicit file_descriptor(int fd) : fd_(fd) {}
  file_descriptor(const file_descriptor&) = delete;
  file_descriptor& operator=(const file_descriptor&) = delete;
  ~file_descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

error failed(const char* what, const fs::path& path, int code = errno) {
  return {error_code::io_error,
          std::string("cannot ") + what + " " + path.string() + ": " + std::generic_category().message(code)};
}
error damaged(const fs::path& path, const char* why) {
  return {error_code::corrupt_record,
          "the VAPID key file " + path.string() + " " + why +
              ". It is not replaced, because every subscription is bound to its key: restore it from a backup"};
}

fs::path path_of(const fs::path& directory, unsigned number) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "key-%04u.pem", number);
  return directory / name.data();
}

/// 0: the name is not one of ours.
unsigned number_of(const std::string& name) {
  if (name.size() != 12 || !name.starts_with("key-") || !name.ends_with(".pem")) return 0;
  unsigned number = 0;
  for (const char c : name.substr(4, 4)) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number;
}

result<std::string> read_key_file(const fs::path& path) {
  const file_descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return failed("read", path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return failed("read", path);
  if (!S_ISREG(status.st_mode)) return damaged(path, "is no file");
  if ((status.st_mode & S_IRWXO) != 0)
    return error{error_code::io_error,
                 "the VAPID key file " + path.string() + " is open to everybody: set its mode to 600"};
  std::string bytes(key_file_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > key_file_bytes_max) return damaged(path, "is too large");
  bytes.resize(size);
  return bytes;
}

/// Never asks the terminal for a password.
int no_password(char*, int, int, void*) {
  return -1;
}

owned_key parse_private_key(const std::string& pem) {
  const owned_bio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  owned_key parsed(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
  if (!parsed) return nullptr;
  std::array<char, 64> group{};
  if (EVP_PKEY_is_a(parsed.get(), "EC") != 1 ||
      EVP_PKEY_get_utf8_string_param(parsed.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr) !=
          1 ||
      std::string_view(group.data()) != "prime256v1")
    return nullptr;
  // Also whether the two halves belong together.
  const owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> check(EVP_PKEY_CTX_new(parsed.get(), nullptr));
  return EVP_PKEY_check(check.get()) == 1 ? std::move(parsed) : nullptr;
}

std::string public_bytes(EVP_PKEY* private_key) {
  // x and y rather than the encoded point: a file may ask for the compressed form.
  BIGNUM* x = nullptr;
  BIGNUM* y = nullptr;
  std::string bytes(65, '\4');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  const bool good = EVP_PKEY_get_bn_param(private_key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                    EVP_PKEY_get_bn_param(private_key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                    BN_bn2binpad(x, out + 1, 32) == 32 && BN_bn2binpad(y, out + 33, 32) == 32;
  BN_free(x);
  BN_free(y);
  return good ? bytes : std::string();
}

result<std::string> new_private_key() {
  const owned_key made(EVP_EC_gen("P-256"));
  const owned_bio out(BIO_new(BIO_s_secmem()));
  char* text = nullptr;
  if (!made || PEM_write_bio_PKCS8PrivateKey(out.get(), made.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return error{error_code::internal, "OpenSSL cannot make a VAPID key"};
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

result<void> write_synced(const fs::path& path, std::string_view bytes) {
  const file_descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.get() < 0) return failed("make", path);
  while (!bytes.empty()) {
    const auto put = ::write(file.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fsync(file.get()) != 0) return failed("sync", path);
  return {};
}

result<void> sync_directory(const fs::path& directory) {
  const file_descriptor file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0) return failed("sync", directory);
  return {};
}

/// The file appears complete under its name or not at all; link() never replaces one that is there. True also when
/// somebody else was first.
result<void> make_key_file(const fs::path& directory, unsigned number) {
  const auto pem = new_private_key();
  if (!pem) return pem.error();
  std::array<unsigned char, 8> random{};
  if (RAND_bytes(random.data(), random.size()) != 1) return error{error_code::internal, "OpenSSL has no randomness"};
  const auto path = path_of(directory, number);
  const auto temporary =
      directory / (".new-" + base64url_encode({reinterpret_cast<const char*>(random.data()), random.size()}));
  auto written = write_synced(temporary, *pem);
  if (written && ::link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST) written = failed("make", path);
  ::unlink(temporary.c_str());
  return written ? sync_directory(directory) : written;
}

result<std::vector<unsigned>> numbers_in(const fs::path& directory) {
  std::vector<unsigned> numbers;
  std::error_code problem;
  for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end; entry.increment(problem))
    if (const unsigned number = number_of(entry->path().filename().string())) numbers.push_back(number);
  if (problem) return failed("read", directory, problem.value());
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace

struct vapid_keys::key {
  unsigned number = 0;
  owned_key private_key;
  std::string id;
  std::string public_key;  ///< base64url
};

vapid_keys::vapid_keys(fs::path directory) : directory_(std::move(directory)) {}
vapid_keys::~vapid_keys() = default;

result<std::shared_ptr<vapid_keys>> vapid_keys::open(const fs::path& directory, const may_make& allowed) {
  std::error_code problem;
  // A directory that is not there is not made for nothing: where it was to be mounted, an empty one would only confuse.
  if (!fs::exists(directory, problem))
    if (const auto may = allowed(); !may) return may.error();
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), problem);
  if (problem) return failed("make", directory.parent_path(), problem.value());
  if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) return failed("make", directory);
  std::shared_ptr<vapid_keys> keys(new vapid_keys(directory));
  const auto numbers = numbers_in(directory);
  if (!numbers) return numbers.error();
  if (numbers->empty()) {
    if (const auto may = allowed(); !may) return may.error();
    if (const auto made = make_key_file(directory, 1); !made) return made.error();
  }
  if (const auto loaded = keys->reload(); !loaded) return loaded.error();
  return keys;
}

result<void> vapid_keys::reload() {
  const auto numbers = numbers_in(directory_);
  if (!numbers) return numbers.error();
  std::vector<std::shared_ptr<const key>> loaded;
  for (const unsigned number : *numbers) {
    const auto path = path_of(directory_, number);
    auto pem = read_key_file(path);
    if (!pem) return pem.error();
    auto parsed = parse_private_key(*pem);
    OPENSSL_cleanse(pem->data(), pem->size());
    if (!parsed) return damaged(path, "holds no valid P-256 private key");
    const auto bytes = public_bytes(parsed.get());
    if (bytes.empty()) return damaged(path, "holds no valid P-256 private key");
    const auto digest = sha256(bytes);
    std::string id;
    for (std::size_t i = 0; i < 8; ++i) {
      constexpr std::string_view digits = "0123456789abcdef";
      id.push_back(digits[digest[i] >> 4]);
      id.push_back(digits[digest[i] & 15]);
    }
    loaded.push_back(std::make_shared<const key>(number, std::move(parsed), std::move(id), base64url_encode(bytes)));
  }
  if (loaded.empty()) return error{error_code::io_error, "the VAPID keys in " + directory_.string() + " are gone"};
  const std::lock_guard lock(mutex_);
  keys_ = std::move(loaded);
  return {};
}

std::shared_ptr<const vapid_keys::key> vapid_keys::find(std::string_view key_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(keys_, [&](const auto& k) { return k->id == key_id; });
  return found == keys_.end() ? nullptr : *found;
}

vapid_keys::key_info vapid_keys::current() const {
  return list().back();
}

std::vector<vapid_keys::key_info> vapid_keys::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<key_info> all;
  all.reserve(keys_.size());
  for (const auto& k : keys_) all.push_back({k->id, k->public_key, k == keys_.back()});
  return all;
}

std::string vapid_keys::public_key(std::string_view key_id) const {
  const auto found = find(key_id);
  return found ? found->public_key : std::string();
}

result<std::string> vapid_keys::rotate() {
  unsigned number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = keys_.back()->number + 1;
  }
  if (number > key_number_max) return error{error_code::io_error, "there are too many VAPID keys"};
  if (const auto made = make_key_file(directory_, number); !made) return made.error();
  if (const auto loaded = reload(); !loaded) return loaded.error();
  return current().id;
}

result<std::string> vapid_keys::sign(std::string_view key_id, std::string_view text) const {
  const auto key = find(key_id);
  if (!key) return error{error_code::not_found, "there is no VAPID key " + std::string(key_id)};
  const owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::array<unsigned char, 80> der{};
  std::size_t length = der.size();
  if (EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key->private_key.get(), nullptr) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &length, reinterpret_cast<const unsigned char*>(text.data()),
                     text.size()) != 1)
    return error{error_code::internal, "OpenSSL cannot sign"};
  const unsigned char* start = der.data();
  const owned<ECDSA_SIG, ECDSA_SIG_free> pair(d2i_ECDSA_SIG(nullptr, &start, static_cast<long>(length)));
  std::string signature(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, 32) != 32 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + 32, 32) != 32)
    return error{error_code::internal, "OpenSSL cannot sign"};
  return signature;
}

}  // namespace social::push
