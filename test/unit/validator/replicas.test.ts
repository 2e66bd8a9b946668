import { afterEach, expect, test, vi } from "vitest";
import { openReplicas, type Replicas } from "../../../src/validator/channel/replicas.js";
import { compileOptions } from "../../../src/validator/validator_options.js";

let replicas: Replicas;
afterEach(() => {
  replicas.close();
  vi.useRealTimers();
});

/** Nothing listens there, and nothing is connected before it is called. */
const open = (connections: number): void => {
  replicas = openReplicas(compileOptions({ targets: ["one:1", "two:2"], connections }));
};
const turns = (count: number) => Array.from({ length: count }, () => replicas.next());
const targetOf = (client: ReturnType<Replicas["next"]>) => client.getChannel().getTarget();

test("calls go round over all targets, then over their second connections", () => {
  open(2);
  const round = turns(4);
  expect(round.map(targetOf)).toEqual(["dns:one:1", "dns:two:2", "dns:one:1", "dns:two:2"]);
  expect(new Set(round).size).toBe(4);
  expect(turns(4)).toEqual(round);
});

test("a replica that did not answer in time is passed over for a second, unless there is no other", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  open(1);
  const [one, two] = [replicas.next(), replicas.next()];
  replicas.suspend(one);
  expect(turns(3)).toEqual([two, two, two]);
  replicas.suspend(two);
  expect(new Set(turns(4))).toEqual(new Set([one, two]));
  vi.advanceTimersByTime(1001);
  expect(new Set(turns(2))).toEqual(new Set([one, two]));
});
