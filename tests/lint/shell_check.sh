#!/usr/bin/env bash
# Every shell script of the project is checked.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t scripts < <({ echo dev; find .ci -type f; find . \( -path ./build -o -path ./.git -o -name node_modules \) -prune -o -name '*.sh' -print; } | sort -u)
shellcheck --shell=bash "${scripts[@]}"
echo "shellcheck: ${#scripts[@]} scripts"
