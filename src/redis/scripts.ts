import { readFileSync } from "node:fs";
import type { RedisClient } from "./client.js";

/**
 * The atomic operations, one file each in `scripts/`, where their contracts
 * stand. A call gives the number of keys, the keys, then the arguments.
 */
export interface Scripts {
  check(keys: string[], args: (string | number)[]): Promise<string[]>;
  fill(keys: string[], args: (string | number)[]): Promise<number>;
  invalidate(keys: string[], args: (string | number)[]): Promise<string>;
  identify(keys: string[], args: (string | number)[]): Promise<[id: string, heartbeat: string]>;
}

type Command = (...args: (string | number)[]) => Promise<unknown>;

export const loadScripts = (client: RedisClient): Scripts => {
  const script = (name: keyof Scripts): Command => {
    const command = `curfew_${name}`;
    client.defineCommand(command, {
      lua: readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8"),
    });
    const run: unknown = Reflect.get(client, command);
    if (typeof run !== "function") throw new Error(`${command} was not defined`);
    return (...args) => Reflect.apply(run, client, args);
  };
  const typed =
    <Result>(command: Command) =>
    (keys: string[], args: (string | number)[]) =>
      command(keys.length, ...keys, ...args) as Promise<Result>;
  return {
    check: typed(script("check")),
    fill: typed(script("fill")),
    invalidate: typed(script("invalidate")),
    identify: typed(script("identify")),
  };
};
