// The limits of the public API, filled by the composition root.
#pragma once

#include <cstdint>
#include <string>

namespace social::http {

struct api_options {
  std::string public_url;  ///< "https://social.example", without a slash at its end; what links carry
  std::size_t json_bytes_max = 64 * 1024;
  std::size_t form_bytes_max = 8 * 1024 * 1024;  ///< multipart/form-data of joining
  std::size_t form_parts_max = 16;
  std::size_t form_part_header_bytes_max = 4096;
  std::size_t json_depth_max = 32;
  std::size_t json_members_max = 10'000;
  std::size_t page_max = 100;
  std::size_t offset_max = 10'000;
  std::size_t posts_default = 5;
  std::size_t comments_default = 1000;  ///< original clients send no limit and expect all
  std::size_t io_threads = 1;           ///< counters are kept per I/O thread
};

}  // namespace social::http
