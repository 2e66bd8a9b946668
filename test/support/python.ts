import { execFileSync } from "node:child_process";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable, isExecutable } from "./executable.js";

/** Programs for a gRPC client in Python, the language of the guide that the service comes from. */
export interface PythonPrograms {
  /** An interpreter with the modules `grpc` and `google.protobuf`. */
  readonly python: string;
  readonly protoc: string;
}

/** Finds, or installs as root on Debian, Python with gRPC, and protoc. */
export function findPython(): PythonPrograms {
  return findOrInstall(
    "Python with gRPC, and protoc",
    lookForPrograms,
    ["python3-grpcio", "python3-protobuf", "protobuf-compiler"],
    "install them (Debian: apt-get install python3-grpcio python3-protobuf protobuf-compiler).",
  );
}

function lookForPrograms(): PythonPrograms | undefined {
  const protoc = findExecutable(["protoc"]);
  const python = interpreters().find(hasModules);
  return python === undefined || protoc === undefined ? undefined : { python, protoc };
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
