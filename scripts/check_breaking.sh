#!/usr/bin/env bash
# Fails when proto/ breaks a client of an earlier version: the last release (a tag such as v1.2.0); before
# the first, where this work left the main branch, which on that branch itself is the last commit.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where the main branch is called otherwise, or was not fetched, there is nothing to compare with.
earlier_commit() {
  local release branch
  release=$(git describe --tags --match 'v[0-9]*' --abbrev=0 2> /dev/null || true)
  if [ -n "$release" ]; then
    git rev-parse "$release^{commit}"
    return
  fi
  for branch in main origin/main; do
    git merge-base HEAD "$branch" 2> /dev/null && return
  done
  return 0
}

base=$(earlier_commit)
if [ -z "$base" ] || ! git cat-file -e "$base:proto" 2> /dev/null; then
  echo "There is no earlier version of proto/ to compare with."
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive "$base" proto buf.yaml | tar -x -C "$work"
# The earlier version imports google/api and google/rpc from the same npm package.
ln -s "$PWD/node_modules" "$work/node_modules"
(cd "$work" && node_modules/.bin/buf build proto --output earlier.binpb)
node_modules/.bin/buf breaking proto --against "$work/earlier.binpb"
echo "proto/ breaks nothing since ${base:0:12}."
