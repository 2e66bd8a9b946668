import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadResult } from "./h2load.js";

export interface HttpLoad {
  readonly url: string;
  /** Text to POST. */
  readonly body: string;
  /** Absent: the type of JSON. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly connections: number;
}

/**
 * Posts a body over HTTP/1.1, one request at a time on each connection, with h2load (Debian: nghttp2-client), which
 * uses far less processor time than its target. Any status but 2xx counts as a failure too.
 */
export const httpLoad = ({
  url,
  body,
  headers = { "content-type": "application/json" },
  seconds,
  connections,
}: HttpLoad): Promise<LoadResult> => {
  const file = join(mkdtempSync(join(tmpdir(), "curfew-bench-")), "body");
  writeFileSync(file, body);
  const args = [
    ...["--h1", "-D", String(seconds), "--warm-up-time", "1s"],
    ...["-c", String(connections), "-m", "1", "-t", "1"],
    ...["-d", file],
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    url,
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
      const failed = Number(/(\d+) failed/.exec(output)?.[1]);
      if (Number.isNaN(perSecond)) reject(new Error(`h2load said:\n${output}`));
      else resolve({ perSecond, failed });
    });
  });
};
