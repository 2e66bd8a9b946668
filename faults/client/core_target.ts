import { CurfewError } from "../../src/core/errors.js";
import type { UseCases } from "../../src/core/use_cases.js";
import type { Callers } from "./callers.js";
import { type GivenTokens, type Target, TargetFailure } from "./target.js";

const IP = "192.0.2.1";
const ADMIN = { reason: "ADMIN", by: "service:faults" } as const;

/** The methods of an in-process replica that a target calls. */
export type CalledCore = Pick<
  UseCases,
  "login" | "validateToken" | "validateTokens" | "refreshTokens" | "logout" | "end" | "users"
>;

/** One in this many validations is made as a batch, which takes another path. */
const BATCH_EVERY = 3;

/** A replica in this process, called by callers that may disconnect. */
export const coreTarget = (name: string, core: CalledCore, callers: Callers): Target => {
  let validations = 0;
  const validate = async (accessToken: string, use: boolean): Promise<void> => {
    const input = { accessToken, audience: "", skipActivity: !use };
    validations += 1;
    if (validations % BATCH_EVERY !== 0) {
      await core.validateToken(input);
      return;
    }
    const [verdict] = await core.validateTokens([input]);
    if (verdict instanceof Error) throw verdict;
  };
  return {
    name,
    login: (username, password, from = IP) =>
      answer(async () => {
        const input = { username, password, device: "test", ip: from, userAgent: "faults" };
        const { tokens, session, evicted } = await callers.call((call) => core.login(input, call));
        return { sessionId: session.id, ...tokens, evicted: evicted.map(({ id }) => id) };
      }),
    validate: (accessToken, use) => answer(() => validate(accessToken, use)),
    refresh: (refreshToken) =>
      answer(async (): Promise<GivenTokens> => {
        const input = { refreshToken, ip: IP };
        const { tokens, session } = await callers.call((call) => core.refreshTokens(input, call));
        return { sessionId: session.id, ...tokens };
      }),
    logout: (accessToken) => answer(() => core.logout({ accessToken, bearer: "", ip: IP })),
    revoke: (sessionId) => answer(() => core.end.one(sessionId, ADMIN)),
    revokeUser: (userId) =>
      answer(async () => (await core.end.ofUser(userId, undefined, ADMIN)).revision),
    deactivate: (userId) =>
      answer(async () => {
        await core.users.update(userId, { isActive: false }, { by: "service:faults", ip: IP });
        return 0n;
      }),
  };
};

const answer = async <T>(call: () => Promise<T>): Promise<T> => {
  try {
    return await call();
  } catch (failure) {
    if (failure instanceof TargetFailure) throw failure;
    if (failure instanceof CurfewError)
      throw new TargetFailure(failure.reason, failure.metadata, { cause: failure });
    // As the server answers it.
    throw new TargetFailure("INTERNAL", {}, { cause: failure });
  }
};
