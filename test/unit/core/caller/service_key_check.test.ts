import { expect, test } from "vitest";
import { serviceKeyCheck } from "../../../../src/core/caller/service_key_check.js";
import type { ServiceKey } from "../../../../src/core/ports/service_key_store.js";

const key = (hash: string, revokedAt?: number): ServiceKey => ({
  id: hash,
  name: `name of ${hash}`,
  hash,
  scopes: ["validate"],
  createdAt: 0,
  revokedAt,
});

const setUp = (keys: ServiceKey[]) => {
  let time = 0;
  let loads = 0;
  const check = serviceKeyCheck(
    {
      create: async (made) => void keys.push(made),
      list: async () => {
        loads += 1;
        return [...keys];
      },
      revoke: async () => false,
    },
    {
      now: () => time,
      monotonic: () => time,
      sleep: async (ms) => {
        time += ms;
      },
    },
  );
  return { check, loads: () => loads };
};

test("a key is found, a revoked or unknown one is not", async () => {
  const { check } = setUp([key("good"), key("revoked", 1)]);
  await check.reload();
  expect(check.find("good")).toMatchObject({ kind: "service", name: "name of good" });
  expect(await check.find("revoked")).toBeUndefined();
  expect(await check.find("unknown")).toBeUndefined();
});

test("a key made a moment after the keys were read is found at once", async () => {
  const keys: ServiceKey[] = [];
  const { check } = setUp(keys);
  const reading = check.reload();
  keys.push(key("fresh"));
  expect(await check.find("fresh")).toMatchObject({ name: "name of fresh" });
  await reading;
});

test("guesses share a read", async () => {
  const { check, loads } = setUp([]);
  await check.reload();
  await Promise.all(Array.from({ length: 100 }, (_, i) => check.find(`guess ${i}`)));
  expect(loads()).toBe(2);
});
