import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable, isExecutable } from "./executable.js";
import { PROTO_FILES, PROTO_PATHS } from "./proto_sources.js";

/** Programs for a gRPC client in Python, the language of the guide that the service comes from. */
export interface PythonPrograms {
  /** An interpreter with the modules `grpc` and `google.protobuf`. */
  readonly python: string;
  readonly protoc: string;
  /** Writes the `*_pb2_grpc.py` when protoc calls it. */
  readonly grpcPlugin: string;
}

/** Finds, or installs as root on Debian, Python with gRPC, and protoc. */
export function findPython(): PythonPrograms {
  return findOrInstall(
    "Python with gRPC, protoc and its gRPC plugin",
    lookForPrograms,
    ["python3-grpcio", "python3-protobuf", "protobuf-compiler", "protobuf-compiler-grpc"],
    "install them (Debian: apt-get install python3-grpcio python3-protobuf protobuf-compiler protobuf-compiler-grpc).",
  );
}

/** Generates the stubs of `curfew.v1` into a folder that a Python program then runs in. */
export function makePythonStubs({ protoc, grpcPlugin }: PythonPrograms, folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync(protoc, [
    ...PROTO_PATHS,
    `--plugin=protoc-gen-grpc_python=${grpcPlugin}`,
    `--python_out=${folder}`,
    `--grpc_python_out=${folder}`,
    ...PROTO_FILES,
  ]);
}

function lookForPrograms(): PythonPrograms | undefined {
  const protoc = findExecutable(["protoc"]);
  const grpcPlugin = findExecutable(["grpc_python_plugin"]);
  const python = interpreters().find(hasModules);
  return python === undefined || protoc === undefined || grpcPlugin === undefined
    ? undefined
    : { python, protoc, grpcPlugin };
}

/** Debian's own first: its packages are invisible to another Python that comes first on PATH. */
function interpreters(): string[] {
  const onPath = findExecutable(["python3"]);
  return ["/usr/bin/python3", ...(onPath === undefined ? [] : [onPath])].filter(isExecutable);
}

function hasModules(python: string): boolean {
  try {
    execFileSync(python, ["-c", "import grpc, google.protobuf"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
