import { afterAll, beforeAll, expect, test } from "vitest";
import {
  AuthServiceService,
  type LoginResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { localAdmin } from "../../../src/main.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";

/** Published for three seconds: long enough for the replicas to read keys several times. */
const SETTINGS = { KEY_PUBLICATION_MINUTES: "0.05", JWT_ISSUER: "https://curfew.test" };
/** How long a local validator may keep the key set. */
const JWKS_KEPT_MS = 1000;

let replicas: [TestService, TestService];

beforeAll(async () => {
  const first = await startTestService(SETTINGS);
  const second = await startTestService({
    ...SETTINGS,
    DATABASE_URL: first.databaseUrl,
    REDIS_URL: first.redisUrl,
  });
  replicas = [first, second];
}, 60_000);
afterAll(async () => {
  await replicas?.[1].stop();
  await replicas?.[0].stop();
});

const kidOf = ({ accessToken }: Pick<LoginResponse, "accessToken">): string => {
  const header: unknown = JSON.parse(
    Buffer.from(accessToken.split(".")[0] ?? "", "base64url").toString(),
  );
  return (header as { kid: string }).kid;
};

const validate = (service: TestService, accessToken: string) =>
  service.call(
    AuthServiceService.validateToken,
    { accessToken, audience: "", skipActivity: false },
    service.adminKey,
  );

test("keys rotate under load on two replicas: no token fails, and no key signs before it is known", async () => {
  const [one, two] = replicas;
  const { username } = await one.createUser();
  const failures: unknown[] = [];
  const unknownToValidators: string[] = [];
  let current = await one.signIn(username);
  const oldest = current.accessToken;
  const first = kidOf(current);
  let validated = 0;

  let known = new Set<string>();
  let readAt = Number.NEGATIVE_INFINITY;
  /** Reads the key set as a validator does that keeps the key set of one replica for a while. */
  const readJwks = async () => {
    if (performance.now() - readAt < JWKS_KEPT_MS) return;
    readAt = performance.now();
    const { keys } = await two.call(AuthServiceService.getJwks, {});
    known = new Set(keys.map(({ kid }) => kid));
  };
  const refresh = async (service: TestService) => {
    const { refreshToken } = current;
    const renewed = await service.call(AuthServiceService.refreshTokens, {
      refreshToken,
      language: "",
    });
    current = { ...current, ...renewed };
  };
  const work = async () => {
    for (const service of [one, two]) {
      await readJwks();
      await refresh(service);
      if (!known.has(kidOf(current))) unknownToValidators.push(kidOf(current));
      await Promise.all([
        validate(one, current.accessToken),
        validate(two, current.accessToken),
        validate(service, oldest),
      ]);
      validated += 3;
    }
  };

  const next = await localAdmin.rotateKey(one.settings, { use: "sign", immediately: false });
  await localAdmin.rotateKey(one.settings, { use: "refresh", immediately: false });
  expect(next.state).toBe("next");
  const again = localAdmin.rotateKey(two.settings, { use: "sign", immediately: false });
  await expect(again).rejects.toThrow("waiting to sign");
  const signers = new Set<string>();
  await waitUntil(
    "both replicas sign with the next key",
    async () => {
      await work().catch((error: unknown) => failures.push(error));
      signers.add(kidOf(current));
      const keys = await localAdmin.listKeys(one.settings);
      return kidOf(current) === next.kid && keys.every(({ state }) => state !== "next");
    },
    25_000,
  );
  await work();
  expect(failures).toEqual([]);
  expect(unknownToValidators).toEqual([]);
  expect([...signers].sort()).toEqual([first, next.kid].sort());
  // Twice by each, if the machine is slow.
  expect(validated).toBeGreaterThanOrEqual(12);

  const states = new Map(
    (await localAdmin.listKeys(one.settings)).map(({ kid, state }) => [kid, state]),
  );
  expect(states.get(first)).toBe("retiring");
  await expect(localAdmin.retireKey(one.settings, first, { force: false })).rejects.toThrow(
    "may have live tokens",
  );
  await expect(localAdmin.retireKey(one.settings, next.kid, { force: true })).rejects.toThrow(
    "signs",
  );
  await validate(two, oldest);
}, 60_000);
