import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { service as healthDefinition } from "grpc-health-check";

/** Files of services that are served besides our own. */
const foreignFiles = (): Buffer[] =>
  Object.values(healthDefinition).flatMap(({ requestType }) =>
    "fileDescriptorProtos" in requestType ? requestType.fileDescriptorProtos : [],
  );

/**
 * Serves `grpc.reflection` (v1 and v1alpha) from the descriptors that the
 * schema compiler made, so that clients see its names, imports and comments.
 */
export const addReflection = (
  server: Pick<Server, "addService">,
  descriptors: Uint8Array,
): void => {
  const { file } = fromBinary(FileDescriptorSetSchema, descriptors);
  const files = file.map((each) => Buffer.from(toBinary(FileDescriptorProtoSchema, each)));
  const all = {
    format: "Protocol Buffer 3 DescriptorProto" as const,
    type: {},
    fileDescriptorProtos: [...files, ...foreignFiles()],
  };
  new ReflectionService({ all }).addToServer(server);
};
