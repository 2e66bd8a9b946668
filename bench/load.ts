import { startNode } from "./child.js";
import type { LoadClientOptions, LoadClientResult } from "./load_client.js";

/** Runs the load client in a process of its own until it is done. */
export const load = async (options: LoadClientOptions): Promise<LoadClientResult> => {
  const child = await startNode(
    ["--import", "tsx", "bench/load_client.ts", JSON.stringify(options)],
    /^(\{.*\})$/,
  );
  return JSON.parse(child.match[1] ?? "{}") as LoadClientResult;
};
