import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The nearest folder above this module that has the file: of the sources, of `dist`, or the package. */
const locate = (name: string): string => {
  const start = dirname(fileURLToPath(import.meta.url));
  const file = join("generated", name);
  for (let folder = start; ; folder = dirname(folder)) {
    const path = join(folder, file);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) {
      throw new Error(
        `${file} is in none of the folders above ${start}: the package is incomplete, install or build it again`,
      );
    }
  }
};

/** The descriptors (`google.protobuf.FileDescriptorSet`) of everything Curfew serves, with all imports. */
export const readDescriptors = (): Uint8Array => readFileSync(locate("descriptors.binpb"));

/** The descriptors of `grpc.health.v1`, which is served besides. */
export const readHealthDescriptors = (): Uint8Array => readFileSync(locate("health.binpb"));

export const registryOf = (descriptors: Uint8Array): FileRegistry =>
  createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
