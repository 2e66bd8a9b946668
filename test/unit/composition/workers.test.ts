import { EventEmitter } from "node:events";
import { beforeEach, expect, test, vi } from "vitest";
import { overseeWorkers } from "../../../src/composition/workers.js";
import type { Settings } from "../../../src/config/settings.js";
import { createLogger } from "../../../src/telemetry/logger.js";
import { waitUntil } from "../../support/wait_until.js";

class Worker extends EventEmitter {
  readonly process = { kill: (signal: string) => this.emit("exit", null, signal) };
}

const forked = vi.hoisted((): EventEmitter[] => []);
vi.mock("node:cluster", () => ({
  default: {
    fork() {
      const worker = new Worker();
      forked.push(worker);
      return worker;
    },
    get workers() {
      return { ...forked };
    },
  },
}));

beforeEach(() => {
  forked.length = 0;
});

/** Simulated workers; `tell` sends them the stop message. */
const stage = () => {
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  // The other settings are the workers' own.
  const settings = { workers: 2, host: "127.0.0.1", metricsPort: 0 } as Partial<Settings>;
  const logger = createLogger({ level: "silent", people: false });
  let isOver = false;
  const over = overseeWorkers(settings as Settings, told, logger).then(() => {
    isOver = true;
  });
  return { tell: () => tell(), over, isOver: () => isOver };
};

const event = async (worker: number, name: string, ...args: unknown[]): Promise<void> => {
  await waitUntil("it was started", () => forked.length > worker);
  forked[worker]?.emit(name, ...args);
};

test("rejects when the first cannot start", async () => {
  const { over } = stage();
  const failed = expect(over).rejects.toThrow("ended with code 1");
  await event(0, "exit", 1, null);
  await failed;
  expect(forked).toHaveLength(1);
});

test("one that dies before it is ready is replaced", async () => {
  const { tell, over, isOver } = stage();
  await event(0, "listening");
  await event(1, "exit", 1, null);
  await event(2, "listening");
  expect(isOver()).toBe(false);
  tell();
  await over;
  expect(forked).toHaveLength(3);
});

test("one that never gets ready keeps none from being told to stop", async () => {
  const { tell, over } = stage();
  await event(0, "listening");
  await waitUntil("another was started", () => forked.length === 2);
  tell();
  await over;
  expect(forked).toHaveLength(2);
});
