// The machine's file system with slower syncs, for benchmarks: what a disk does whose fsync takes 15 ms.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <rocksdb/file_system.h>

namespace social::test {

/// Each sync of a file or a directory takes `delay` longer, on the thread that asked for it. Thread-safe: nothing in it
/// changes.
class slow_file_system final : public rocksdb::FileSystemWrapper {
 public:
  static std::shared_ptr<slow_file_system> make(std::chrono::milliseconds delay) {
    return std::make_shared<slow_file_system>(rocksdb::FileSystem::Default(), delay);
  }
  slow_file_system(const std::shared_ptr<rocksdb::FileSystem>& below, std::chrono::milliseconds delay)
      : FileSystemWrapper(below), delay_(delay) {}
  const char* Name() const override { return "slow_file_system"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> below;
    auto made = target_->NewWritableFile(path, how, &below, debug);
    if (made.ok()) *out = std::make_unique<file>(std::move(below), delay_);
    return made;
  }
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& how,
                                 std::unique_ptr<rocksdb::FSDirectory>* out, rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> below;
    auto made = target_->NewDirectory(path, how, &below, debug);
    if (made.ok()) *out = std::make_unique<directory>(std::move(below), delay_);
    return made;
  }

 private:
  /// The disk's own time, which is what this file system is for: nothing here waits for something to happen.
  static void take_time(std::chrono::milliseconds delay) {
    std::mutex mutex;
    std::condition_variable nobody_signals;
    const auto end = std::chrono::steady_clock::now() + delay;
    std::unique_lock lock(mutex);
    nobody_signals.wait_until(lock, end, [&] { return std::chrono::steady_clock::now() >= end; });
  }

  class file final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    file(std::unique_ptr<rocksdb::FSWritableFile> below, std::chrono::milliseconds delay)
        : FSWritableFileOwnerWrapper(std::move(below)), delay_(delay) {}
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& how, rocksdb::IODebugContext* debug) override {
      take_time(delay_);
      return target()->Sync(how, debug);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& how, rocksdb::IODebugContext* debug) override {
      take_time(delay_);
      return target()->Fsync(how, debug);
    }

   private:
    const std::chrono::milliseconds delay_;
  };
  class directory final : public rocksdb::FSDirectoryWrapper {
   public:
    directory(std::unique_ptr<rocksdb::FSDirectory> below, std::chrono::milliseconds delay)
        : FSDirectoryWrapper(std::move(below)), delay_(delay) {}
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& how, rocksdb::IODebugContext* debug) override {
      take_time(delay_);
      return FSDirectoryWrapper::Fsync(how, debug);
    }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& how, rocksdb::IODebugContext* debug,
                                          const rocksdb::DirFsyncOptions& why) override {
      take_time(delay_);
      return FSDirectoryWrapper::FsyncWithDirOptions(how, debug, why);
    }

   private:
    const std::chrono::milliseconds delay_;
  };

  const std::chrono::milliseconds delay_;
};

}  // namespace social::test
