import { afterAll, beforeAll, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { waitUntil } from "../../support/wait_until.js";
import { createUser, openSite, type ServedReplica, type Site } from "./site.js";

/** As `curfew keys list --json` and `keys rotate --json` print it. */
interface Key {
  readonly kid: string;
  readonly use: string;
  readonly state: string;
}

let site: Site;
let replicas: readonly [ServedReplica, ServedReplica];
beforeAll(async () => {
  site = await openSite({
    JWT_ISSUER: "https://curfew.test",
    // Published for three seconds, in which each replica reads the keys several times.
    KEY_PUBLICATION_MINUTES: "0.05",
    ACCESS_TOKEN_EXPIRE_MINUTES: "0.1",
  });
  replicas = [await site.serve(), await site.serve()];
}, 120_000);
afterAll(() => site?.stop());

const kidOf = (accessToken: string): string => {
  const header: unknown = JSON.parse(
    Buffer.from(accessToken.split(".")[0] ?? "", "base64url").toString(),
  );
  return (header as { kid: string }).kid;
};
const keys = async (): Promise<Key[]> =>
  JSON.parse(await site.curfew("keys", "list", "--json")) as Key[];

test("keys are rotated by the command line while clients validate: not one validation fails", async () => {
  const [first, second] = replicas;
  const failures: unknown[] = [];
  let validated = 0;
  let isOver = false;
  let current = "";
  /** Uses its token at both replicas, and gets the next at half of its life. */
  const work = async (replica: ServedReplica): Promise<void> => {
    const { expiresIn, ...tokens } = await replica.signIn(await createUser(replica, site.adminKey));
    let { accessToken, refreshToken } = tokens;
    let freshUntil = performance.now() + expiresIn * 500;
    while (!isOver) {
      try {
        if (performance.now() > freshUntil) {
          const request = { refreshToken, language: "" };
          ({ accessToken, refreshToken } = await replica.call(
            AuthServiceService.refreshTokens,
            request,
          ));
          freshUntil = performance.now() + expiresIn * 500;
          current = accessToken;
        }
        await first.validate(accessToken, site.adminKey);
        await second.validate(accessToken, site.adminKey);
        validated += 2;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const old = await keys();
  const workers = replicas.map(work);
  try {
    const made = await Promise.all(
      ["sign", "refresh"].map(
        async (use) =>
          JSON.parse(await site.curfew("keys", "rotate", "--use", use, "--json")) as Key,
      ),
    );
    await waitUntil(
      "the new key signs",
      () => current !== "" && kidOf(current) === made[0]?.kid,
      20_000,
    );
    // The signing key is retired by itself when its last token is dead; that of refresh tokens lives longer.
    const oldKid = old.find(({ use }) => use === "sign")?.kid;
    await waitUntil(
      "the old key is retired",
      async () =>
        (await site.query("SELECT 1 FROM keys WHERE kid = $1 AND state = 'retired'", [oldKid]))
          .length === 1,
      20_000,
    );
    const states = new Map((await keys()).map(({ kid, state }) => [kid, state]));
    expect(made.map(({ kid }) => states.get(kid))).toEqual(["active", "active"]);
  } finally {
    isOver = true;
    await Promise.all(workers);
  }
  expect(failures).toEqual([]);
  expect(validated).toBeGreaterThan(100);
}, 120_000);

test("a leaked key: its tokens die on every replica, and their users refresh", async () => {
  const [first, second] = replicas;
  const { accessToken, refreshToken } = await first.signIn(await createUser(first, site.adminKey));
  const leaked = kidOf(accessToken);
  const validAt = async (replica: ServedReplica, token: string): Promise<boolean> =>
    replica.validate(token, site.adminKey).then(
      () => true,
      () => false,
    );
  expect(await validAt(second, accessToken)).toBe(true);
  await site.curfew("keys", "rotate", "--immediately");
  await site.curfew("keys", "retire", leaked, "--force");
  for (const replica of replicas) {
    await waitUntil("the token is dead", async () => !(await validAt(replica, accessToken)));
  }
  const renewed = await second.call(AuthServiceService.refreshTokens, {
    refreshToken,
    language: "",
  });
  expect(kidOf(renewed.accessToken)).not.toBe(leaked);
  for (const replica of replicas) {
    await waitUntil("the new token is good", () => validAt(replica, renewed.accessToken));
  }
}, 120_000);
