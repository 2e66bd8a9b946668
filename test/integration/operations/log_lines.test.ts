import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { findFreePort } from "../../support/free_port.js";
import { type OtlpReceiver, startOtlpReceiver } from "../../support/otlp_receiver.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { waitUntil } from "../../support/wait_until.js";
import { openSite, type ServedReplica, type Site } from "./site.js";

/** A library that has something to say when the process gets the signal. */
const LIBRARY = `process.on("SIGUSR2", () => process.emitWarning("two\\nlines, password=hunter2222", "LibraryWarning", "LIB1"))`;

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly method?: string;
  readonly trace_id?: string;
  readonly err?: { readonly name: string; readonly message: string; readonly code: string };
}

let receiver: OtlpReceiver;
let site: Site;
let server: ServedReplica;
let origin: string;
beforeAll(async () => {
  receiver = await startOtlpReceiver();
  site = await openSite();
  const library = join(makePrivateFolder("library"), "library.mjs");
  writeFileSync(library, LIBRARY);
  const port = await findFreePort();
  origin = `http://127.0.0.1:${port}`;
  server = await site.serve({
    HTTP_PORT: String(port),
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    NODE_OPTIONS: `--import ${pathToFileURL(library).href}`,
  });
}, 120_000);
afterAll(async () => {
  await site?.stop();
  await receiver?.close();
});

/** Everything it has written to both its streams; throws where that is not JSON. */
const lines = (): Line[] =>
  server.process
    .output()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

test("D6: what Node or a library warns of is a line of the log too, without secrets", async () => {
  process.kill(server.process.pid, "SIGUSR2");
  const warned = () => lines().find(({ err }) => err?.code === "LIB1");
  await waitUntil("the warning is in the log", () => warned() !== undefined);
  expect(warned()).toMatchObject({
    level: "warn",
    err: { name: "LibraryWarning", message: "two\nlines, password=[redacted]" },
  });
  expect(server.process.output()).not.toContain("hunter2222");
});

test("a line about a call names its trace, which no stranger chooses", async () => {
  const traceId = randomBytes(16).toString("hex");
  const login = await fetch(`${origin}/auth/login`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01`,
      connection: "close",
    },
    body: JSON.stringify({ username: "nobody", password: "whatever it may be" }),
  });
  expect(login.status).toBe(401);
  await expect(server.call(AuthServiceService.getProfile, {})).rejects.toMatchObject({ code: 16 });
  const lineOf = (method: string) => lines().find((line) => line.method?.endsWith(`/${method}`));
  await waitUntil("both are in the log", () =>
    ["Login", "GetProfile"].every((method) => lineOf(method)?.trace_id !== undefined),
  );
  const [ofLogin, begun] = [lineOf("Login")?.trace_id, lineOf("GetProfile")?.trace_id];
  expect(ofLogin).not.toBe(traceId);
  await waitUntil("the spans have arrived", () =>
    [ofLogin, begun].every((id) => receiver.spans.some((span) => span.traceId === id)),
  );
  // The stranger's trace is linked to, and nothing is in it.
  expect(receiver.spans.some((span) => span.traceId === traceId)).toBe(false);
  const request = receiver.spans.find(({ name }) => name === "POST /auth/login");
  expect(request).toMatchObject({ traceId: ofLogin, parentSpanId: "", links: [traceId] });
  const span = receiver.spans.find((received) => received.traceId === begun);
  expect(span?.name).toBe("curfew.v1.AuthService/GetProfile");
});
