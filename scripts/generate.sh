#!/usr/bin/env bash
# Writes generated/ anew from proto/: the TypeScript, descriptors.binpb, the descriptor set that
# reflection and the gateway read, and health.binpb, the health service's for reflection. Works offline.
#   scripts/generate.sh [folder that holds generated/; this repository by default]
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

buf=node_modules/.bin/buf
error_details=node_modules/google-proto-files/google/rpc/error_details.proto

"$buf" generate --output "$work"
"$buf" build proto --as-file-descriptor-set --output "$work/service.binpb"
"$buf" build node_modules/google-proto-files --path "$error_details" --as-file-descriptor-set \
  --output "$work/error_details.binpb"
# The bytes of two FileDescriptorSets in a row are the set of both.
cat "$work/service.binpb" "$work/error_details.binpb" > "$work/generated/descriptors.binpb"
"$buf" build node_modules/grpc-health-check/proto --as-file-descriptor-set \
  --output "$work/generated/health.binpb"

# Replace only the files generated from proto/: schema.sql beside them comes from the migrations.
mkdir -p "$out/generated"
rm -rf "$out/generated/curfew" "$out/generated/google"
cp -R "$work/generated/." "$out/generated/"
