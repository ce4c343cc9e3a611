#!/usr/bin/env bash
# Exit 1 when a C++ file is not formatted; ./dev format does it.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t files < <(find actors http storage config tests -name node_modules -prune -o \( -name '*.cpp' -o -name '*.hpp' \) -print)
wrong=0
for file in "${files[@]}"; do
  if ! clang-format-19 --dry-run --Werror "$file" >/dev/null 2>&1; then
    echo "$file: not formatted; ./dev format does it"
    wrong=$((wrong + 1))
  fi
done
echo "format: ${#files[@]} files, $wrong not formatted"
[ "$wrong" -eq 0 ]
