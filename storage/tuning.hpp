// Every number RocksDB is given, with its reason.
#pragma once

#include <memory>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/write_buffer_manager.h>

#include "storage/engine.hpp"
#include "storage/options.hpp"

namespace social::storage {

class memory_budget {
 public:
  memory_budget(std::size_t block_cache_bytes, std::size_t write_buffer_bytes);
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};

rocksdb::DBOptions database_tuning(const storage_options& options, const memory_budget& memory);
std::vector<rocksdb::ColumnFamilyDescriptor> family_tuning(const storage_options& options, const memory_budget& memory);

}  // namespace social::storage
