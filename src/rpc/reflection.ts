import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { readHealthDescriptors } from "./descriptors.js";

/**
 * Serves `grpc.reflection` (v1 and v1alpha) from the descriptors that the
 * schema compiler made, so that clients see its names, imports and comments.
 */
export const addReflection = (
  server: Pick<Server, "addService">,
  descriptors: Uint8Array,
): void => {
  // Not those that grpc-health-check makes with protobufjs: clients cannot read their map fields.
  const sets = [descriptors, readHealthDescriptors()];
  const all = sets.flatMap((set) => fromBinary(FileDescriptorSetSchema, set).file);
  const files = all.map((each) => Buffer.from(toBinary(FileDescriptorProtoSchema, each)));
  const definition = {
    format: "Protocol Buffer 3 DescriptorProto" as const,
    type: {},
    fileDescriptorProtos: files,
  };
  new ReflectionService({ definition }).addToServer(server);
};
