#!/usr/bin/env bash
# Writes generated/schema.sql anew: what pg_dump says of a database that was migrated from nothing.
# The test that compares the two is also what writes it, so that there is one way to dump.
set -euo pipefail
cd "$(dirname "$0")/.."

CI='' npx vitest run --project stores test/integration/postgres/schema.test.ts --update
