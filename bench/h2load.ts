import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly message: Uint8Array;
  readonly seconds: number;
  readonly connections: number;
  readonly streams: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly failed: number;
}

/** The message in gRPC's frame: not compressed, four bytes of length. */
const frame = (message: Uint8Array): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** Drives one method with h2load (Debian: nghttp2-client), which uses a fifth of the processor time of its target. */
export const h2load = (load: Load): Promise<LoadResult> => {
  const file = join(mkdtempSync(join(tmpdir(), "curfew-bench-")), "body");
  writeFileSync(file, frame(load.message));
  const args = [
    ...["-D", String(load.seconds), "--warm-up-time", "1s"],
    ...["-c", String(load.connections), "-m", String(load.streams), "-t", "1"],
    ...["-d", file, "-H", "content-type: application/grpc", "-H", "te: trailers"],
    `http://127.0.0.1:${load.port}${load.path}`,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn("h2load", args, { stdio: ["ignore", "pipe", "inherit"] });
    child.once("error", () =>
      reject(new Error("h2load is not here: apt-get install nghttp2-client, then again")),
    );
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.once("close", () => {
      const perSecond = Number(/finished in [^,]*, ([\d.]+) req\/s/.exec(output)?.[1]);
      const [, failed, errored] = /(\d+) failed, (\d+) errored/.exec(output) ?? [];
      if (Number.isNaN(perSecond)) reject(new Error(`h2load said:\n${output}`));
      else resolve({ perSecond, failed: Number(failed) + Number(errored) });
    });
  });
};
