// Binary records: how a struct that lists its fields becomes bytes and comes back.
//
// A struct opts in with
//     static constexpr std::uint8_t version = 1;
//     template <class V> void fields(V& v) { v(seq, name, email); }
// The encoding is: version byte, then the fields in order. Integers are LEB128 varints (signed ones zig-zag coded),
// bool and enums like integers, text and byte strings length-prefixed, optional = flag byte + value, vector = count +
// values, nested structs = the length of their fields, then the fields (no version byte: the outermost version covers
// them). A newer version only appends fields, to the outermost struct or to a nested one: a reader of an older record
// leaves a missing tail at its default, a record of the reader's own version has all fields, and a reader refuses a
// record whose version is newer than its own. `fields` must not be reordered; golden-bytes tests pin it.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "actors/base/result.hpp"

namespace social {

class record_writer {
 public:
  explicit record_writer(std::string& out) : out_(out) {}

  template <class... Ts>
  void operator()(Ts&... values) {
    (put(values), ...);
  }

  void put_varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }

  /// Puts the length before what `write` writes, as for a struct inside the record.
  template <class F>
  void nested(F write) {
    const auto start = out_.size();
    out_.push_back(0);  // a length below 128 takes one byte; a longer one makes itself more room
    write();
    auto length = out_.size() - start - 1;
    auto at = start;
    for (; length >= 0x80; length >>= 7) {
      out_[at] = static_cast<char>(length | 0x80);
      out_.insert(++at, 1, '\0');
    }
    out_[at] = static_cast<char>(length);
  }

 private:
  template <class T>
  void put(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      out_.push_back(value ? 1 : 0);
    } else if constexpr (std::is_enum_v<T>) {
      put_varint(static_cast<std::uint64_t>(value));
    } else if constexpr (std::unsigned_integral<T>) {
      put_varint(value);
    } else if constexpr (std::signed_integral<T>) {
      const auto wide = static_cast<std::int64_t>(value);
      put_varint((static_cast<std::uint64_t>(wide) << 1) ^ static_cast<std::uint64_t>(wide >> 63));
    } else {
      put_object(value);
    }
  }
  void put_object(std::string& text) {
    put_varint(text.size());
    out_.append(text);
  }
  template <class T>
  void put_object(std::optional<T>& value) {
    out_.push_back(value ? 1 : 0);
    if (value) put(*value);
  }
  template <class T>
  void put_object(std::vector<T>& values) {
    put_varint(values.size());
    for (auto& value : values) put(value);
  }
  template <class T>
    requires requires(T& t, record_writer& w) { t.fields(w); }
  void put_object(T& value) {
    nested([&] { value.fields(*this); });
  }

  std::string& out_;
};

class record_reader {
 public:
  /// `older`: the record was written by an older version, which knew fewer fields.
  explicit record_reader(std::string_view bytes, bool older = false) : in_(bytes), older_(older) {}

  /// Reads each value in turn. Once the input of an older record is used up at a field border, the rest keep their
  /// defaults (fields appended by a newer version). Check `ok()` afterwards.
  template <class... Ts>
  void operator()(Ts&... values) {
    (get(values), ...);
  }

  /// True when nothing was cut short and nothing is left over.
  [[nodiscard]] bool ok() const noexcept { return good_ && in_.empty(); }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] std::string_view rest() const noexcept { return in_; }

  std::uint64_t get_varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) return fail();
      const auto byte = static_cast<std::uint8_t>(in_.front());
      in_.remove_prefix(1);
      if (shift == 63 && byte > 1) return fail();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return fail();
  }

 private:
  std::uint64_t fail() {
    good_ = false;
    in_ = {};
    return 0;
  }
  template <class T>
  void get(T& value) {
    if (!good_ || (older_ && in_.empty() && depth_ == 0)) return;
    if constexpr (std::is_same_v<T, bool>) {
      value = get_varint() != 0;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(get_varint());
    } else if constexpr (std::unsigned_integral<T>) {
      const auto wide = get_varint();
      if (wide > static_cast<T>(~T{0})) fail();
      value = static_cast<T>(wide);
    } else if constexpr (std::signed_integral<T>) {
      const auto raw = get_varint();
      value = static_cast<T>(static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1));
    } else {
      ++depth_;
      get_object(value);
      --depth_;
    }
  }
  void get_object(std::string& text) {
    const auto size = get_varint();
    if (size > in_.size()) {
      fail();
      return;
    }
    text.assign(in_.substr(0, size));
    in_.remove_prefix(size);
  }
  template <class T>
  void get_object(std::optional<T>& value) {
    if (get_varint() == 0) return value.reset();
    if (!value) value.emplace();
    get(*value);
  }
  template <class T>
  void get_object(std::vector<T>& values) {
    const auto count = get_varint();
    if (count > in_.size()) {  // every value takes at least one byte
      fail();
      return;
    }
    values.resize(count);
    for (auto& value : values) get(value);
  }
  template <class T>
    requires requires(T& t, record_reader& r) { t.fields(r); }
  void get_object(T& value) {
    const auto size = get_varint();
    if (size > in_.size()) {
      fail();
      return;
    }
    record_reader nested(in_.substr(0, size), older_);
    value.fields(nested);
    if (nested.ok())
      in_.remove_prefix(size);
    else
      fail();
  }

  std::string_view in_;
  bool older_;
  bool good_ = true;
  int depth_ = 0;
};

template <class T>
concept record = requires(T& t, record_writer& w) {
  { T::version } -> std::convertible_to<std::uint8_t>;
  t.fields(w);
};

/// What a thread keeps for the next record.
inline constexpr std::size_t record_scratch_bytes_max = std::size_t{64} << 10;

template <record T>
std::string encode_record(const T& value) {
  // Its length is known only afterwards: written where there is room already, then copied once. `fields` encodes no
  // other record meanwhile.
  thread_local std::string scratch;
  scratch.clear();
  scratch.push_back(static_cast<char>(T::version));
  record_writer writer(scratch);
  const_cast<T&>(value).fields(writer);  // one `fields` for both directions; the writer only reads
  std::string out(scratch);
  if (scratch.capacity() > record_scratch_bytes_max) scratch = {};
  return out;
}

/// As decode_record, into a value whose strings may keep their memory; nothing of what it held shows afterwards. After
/// an error it holds anything.
template <record T>
result<void> decode_record_over(std::string_view bytes, T& value) {
  if (bytes.empty()) return error{error_code::corrupt_record, "empty record"};
  const auto version = static_cast<std::uint8_t>(bytes.front());
  if (version == 0 || version > T::version)
    return error{error_code::corrupt_record, "record of version " + std::to_string(version) +
                                                 ", this program knows up to " + std::to_string(T::version)};
  // A record of this version sets every field.
  if (version < T::version) value = T{};
  record_reader reader(bytes.substr(1), version < T::version);
  value.fields(reader);
  if (!reader.ok()) return error{error_code::corrupt_record, "record is cut short or has bytes left over"};
  return {};
}

/// Errors: corrupt_record when the bytes are cut short, have something left over, or carry a newer version.
template <record T>
result<T> decode_record(std::string_view bytes) {
  T value{};
  if (const auto done = decode_record_over(bytes, value); !done) return done.error();
  return value;
}

}  // namespace social
