import { afterEach, expect, test, vi } from "vitest";
import { createEmitter } from "../../../src/client/emitter.js";

afterEach(() => vi.unstubAllGlobals());

test("a listener that throws is reported, and the others still hear", () => {
  const later: (() => void)[] = [];
  vi.stubGlobal("queueMicrotask", (task: () => void) => later.push(task));
  const events = createEmitter<{ change: number }>();
  const heard: number[] = [];
  events.on("change", () => {
    throw new Error("mine");
  });
  events.on("change", (value) => heard.push(value));
  events.emit("change", 1);
  expect(heard).toEqual([1]);
  expect(later).toHaveLength(1);
  expect(later[0]).toThrow("mine");
});

test("a listener is off after its own stop, also when it stops within an event", () => {
  const events = createEmitter<{ change: number }>();
  const heard: string[] = [];
  const listener = (value: number) => heard.push(`one ${value}`);
  const stop = events.on("change", (value) => {
    stop();
    listener(value);
  });
  events.on("change", (value) => heard.push(`two ${value}`));
  events.emit("change", 1);
  events.emit("change", 2);
  expect(heard).toEqual(["one 1", "two 1", "two 2"]);
});
