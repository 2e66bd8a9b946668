#!/usr/bin/env bash
# Fails when generated/ is not what proto/ generates today.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scripts/generate.sh "$work"
if ! diff --recursive --brief --exclude=schema.sql generated "$work/generated"; then
  echo "generated/ is stale: run scripts/generate.sh and commit the result." >&2
  exit 1
fi
