import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeFirstContact } from "../../../src/postgres/first_contact.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { startTestService } from "../../support/service.js";
import { startCurfew } from "./curfew_process.js";

/** Accepts connections, reads, and says nothing. */
let silent: Server;
let port: number;
const open = new Set<Socket>();
beforeAll(async () => {
  silent = createServer((socket) => {
    open.add(socket.resume().on("error", () => undefined));
  });
  await once(silent.listen(0, "127.0.0.1"), "listening");
  port = (silent.address() as AddressInfo).port;
});
afterAll(async () => {
  for (const socket of open) socket.destroy();
  await new Promise((closed) => silent.close(closed));
});

describe("a database that accepts TCP and says nothing", { timeout: 240_000 }, () => {
  test.each([
    ["migrate", "up"],
    ["migrate", "status"],
    ["services", "list"],
    ["keys", "list"],
    ["serve"],
  ])("%s %s ends, and says what it waited for", async (...words) => {
    const environment = {
      DATABASE_URL: `postgres://u:Sesam0effneDich@127.0.0.1:${port}/curfew`,
      GRPC_PORT: "0",
      HTTP_PORT: "0",
      METRICS_PORT: "0",
    };
    const given = words.filter((word) => word !== undefined);
    const outcome = await startCurfew(given, environment, makePrivateFolder("silent")).ended;
    expect(outcome.exitCode).toBe(1);
    const told = outcome.output + outcome.errors;
    expect(told).toContain(`waiting for the database at 127.0.0.1:${port}, for at most 10 s`);
    expect(outcome.errors).toMatch(
      new RegExp(
        `curfew: The database does not answer: check DATABASE_URL, .*127\\.0\\.0\\.1:${port} said nothing within 10 s`,
      ),
    );
    expect(told).not.toContain("Sesam0effneDich");
  });

  test("the limits hold, and a database that refuses says so itself", async () => {
    const sentences: string[] = [];
    const limits = { limitMs: 100, noticeMs: 10 };
    const contact = makeFirstContact(
      `postgres://u@127.0.0.1:${port}/x`,
      (sentence) => void sentences.push(sentence),
      limits,
    );
    await expect(contact).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
    expect(sentences).toEqual([`waiting for the database at 127.0.0.1:${port}, for at most 0.1 s`]);
    const nobody = makeFirstContact("postgres://u@127.0.0.1:1/x", () => undefined, limits);
    await expect(nobody).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });
});

test("a Redis that accepts TCP and says nothing holds up no start and no sign-in", {
  timeout: 120_000,
}, async () => {
  const service = await startTestService({ REDIS_URL: `redis://127.0.0.1:${port}` });
  try {
    await service.createUser([], "ann");
    expect((await service.signIn("ann")).user?.username).toBe("ann");
  } finally {
    await service.stop();
  }
});
