# Compiler options of all targets, and the sanitizers.

set(SOCIAL_ALLOCATOR "none" CACHE STRING "allocator of the executables: none, jemalloc, mimalloc or tcmalloc")
set(SOCIAL_SANITIZER "none" CACHE STRING "value of -fsanitize, or none")
option(SOCIAL_STATIC_ROCKSDB "link RocksDB into the executables" OFF)
option(SOCIAL_PCH "use precompiled headers" ON)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# One setting for libraries and executables: a precompiled header is only shared between equal ones.
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
add_compile_options(-fPIE)
add_link_options(-pie)

# Invariants are asserted in release builds, too: no NDEBUG.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")

add_compile_options(-Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports overlaps in std::string that are not there. Warnings of other compilers do not stop a build.
  add_compile_options(-Werror -Wno-restrict -fpch-preprocess)
endif()
# Executables carry paths from the project's root, not of the machine that built them.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

# Asio's and Beast's function bodies are compiled once, in social_asio.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)

# What packages define for their users is defined for all: a precompiled header is only shared between equal definitions.
add_compile_definitions(BOOST_URL_DYN_LINK BOOST_URL_NO_LIB SPDLOG_COMPILED_LIB SPDLOG_SHARED_LIB
                        SPDLOG_FMT_EXTERNAL FMT_SHARED)

set(SOCIAL_UBSAN OFF)
if(NOT SOCIAL_SANITIZER STREQUAL "none")
  add_compile_options(-fsanitize=${SOCIAL_SANITIZER})
  add_link_options(-fsanitize=${SOCIAL_SANITIZER})
  # Asio recycles coroutine frames, which hides their reuse from the sanitizers.
  add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
  if(SOCIAL_SANITIZER MATCHES "undefined")
    set(SOCIAL_UBSAN ON)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code confuses g++ here, in its own <regex>, too. The release build keeps the warning.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if(SOCIAL_SANITIZER MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # TSan knows nothing of atomic_thread_fence; third-party headers use it.
    add_compile_options(-Wno-tsan)
  endif()
endif()

find_program(SOCIAL_CCACHE ccache)
if(SOCIAL_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1
      ${SOCIAL_CCACHE})
endif()
