import { existsSync } from "node:fs";
import { join } from "node:path";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable } from "./executable.js";

/** Programs and libraries for a gRPC client in Java. */
export interface JavaPrograms {
  readonly javac: string;
  readonly protoc: string;
  /** Writes the `*Grpc.java` when protoc calls it. */
  readonly grpcPlugin: string;
  readonly jars: readonly string[];
}

/** Where Debian puts Java libraries. */
const LIBRARIES = "/usr/share/java";
const JARS = [
  "grpc-api",
  "grpc-stub",
  "grpc-protobuf",
  "grpc-core",
  "protobuf",
  "guava",
  "geronimo-annotation-1.3-spec",
].map((name) => join(LIBRARIES, `${name}.jar`));

const PACKAGES = [
  "default-jdk-headless",
  "libgrpc-java",
  "libprotobuf-java",
  "libguava-java",
  "libgeronimo-annotation-1.3-spec-java",
  "protobuf-compiler",
  "protobuf-compiler-grpc-java-plugin",
];

/** Finds, or installs as root on Debian, a Java compiler with gRPC. */
export function findJava(): JavaPrograms {
  return findOrInstall(
    "a Java compiler with gRPC",
    lookForPrograms,
    PACKAGES,
    `install them (Debian: apt-get install ${PACKAGES.join(" ")}).`,
  );
}

function lookForPrograms(): JavaPrograms | undefined {
  const javac = findExecutable(["javac"]);
  const protoc = findExecutable(["protoc"]);
  const grpcPlugin = findExecutable(["grpc_java_plugin"]);
  if (!javac || !protoc || !grpcPlugin || !JARS.every((jar) => existsSync(jar))) return undefined;
  return { javac, protoc, grpcPlugin, jars: JARS };
}
