import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const OURS = join(ROOT, "proto");

/** Where protoc finds our proto files, and Google's. */
export const PROTO_PATHS = [OURS, join(ROOT, "node_modules", "google-proto-files")].map(
  (path) => `--proto_path=${path}`,
);

/** What stubs of `curfew.v1` are made from: our files, and Google's that they import or that errors need. */
export const PROTO_FILES: readonly string[] = [
  ...["curfew/v1", "curfew/options/v1"].flatMap((part) =>
    readdirSync(join(OURS, part)).map((name) => `${part}/${name}`),
  ),
  "google/api/annotations.proto",
  "google/api/http.proto",
  "google/api/field_behavior.proto",
  "google/rpc/status.proto",
  "google/rpc/error_details.proto",
];
