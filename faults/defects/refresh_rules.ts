import { CurfewError } from "../../src/core/errors.js";
import { refreshing } from "../scenarios/refresh.js";
import {
  changeCore,
  changeLockedSession,
  changeStore,
  changeTransactions,
  changeUnlocked,
} from "./changes.js";
import type { Defect } from "./defect.js";

const isReuse = (failure: unknown): boolean =>
  failure instanceof CurfewError && failure.reason === "REFRESH_TOKEN_REUSED";

/** Mistakes in the exchange of refresh tokens. */
export const REFRESH_RULES: readonly Defect[] = [
  {
    name: "read-then-write rotation: the session is not locked",
    breaks: ["R1", "OUTAGE", "R3", "R3 R4"],
    scenario: refreshing,
    sabotage: () => changeUnlocked((_tx, store) => ({ lockSession: store.get })),
  },
  {
    name: "a batch of refreshes compares no generations",
    breaks: ["R1", "R3", "R3 R4"],
    scenario: refreshing,
    sabotage: () =>
      changeStore((store) => ({
        async rotate(rotations, liveAt, call) {
          const newest = rotations.map(async (rotation) => {
            const session = await store.get(rotation.sessionId);
            return { ...rotation, ...(session && { generation: session.refresh.generation }) };
          });
          return store.rotate(await Promise.all(newest), liveAt, call);
        },
      })),
  },
  {
    name: "a batch of refreshes rotates sessions that have ended",
    breaks: ["R5", "L1", "L2", "L4"],
    scenario: refreshing,
    sabotage: () =>
      changeStore((store, { ids }) => ({
        async rotate(rotations, liveAt, call) {
          const rotated = await store.rotate(rotations, liveAt, call);
          const sessions = rotations.map(async (rotation, i) => {
            if (rotated[i] !== undefined) return rotated[i];
            const session = await store.get(rotation.sessionId);
            return session?.end && { session: { ...session, jti: ids.next(0) }, roles: [] };
          });
          return Promise.all(sessions);
        },
      })),
  },
  {
    name: "grace reaches the grandparent",
    breaks: ["R3 R4", "R3"],
    scenario: refreshing,
    sabotage: () =>
      changeCore((core, { ports }) => ({
        refreshTokens: (input) =>
          core.refreshTokens(input).catch(async (failure: unknown) => {
            const presented = await ports.codec.parse(input.refreshToken);
            if (!isReuse(failure) || presented === undefined) throw failure;
            const parent = { ...presented, generation: presented.generation + 1 };
            return core.refreshTokens({ ...input, refreshToken: ports.codec.mint(parent) });
          }),
      })),
  },
  {
    name: "every repetition starts the grace time again",
    breaks: ["R4", "R3"],
    scenario: refreshing,
    sabotage: () =>
      changeTransactions((tx, { clock }) => ({
        async updateSession(sessionId, patch) {
          const session = await tx.lockSession(sessionId);
          const refresh = patch.refresh ?? session?.refresh;
          await tx.updateSession(sessionId, {
            ...patch,
            ...(refresh && { refresh: { ...refresh, rotatedAt: clock.now() } }),
          });
        },
      })),
  },
  {
    name: "reuse of an old refresh token ends nothing",
    breaks: ["L1", "L2", "R3", "R5"],
    scenario: refreshing,
    sabotage: () =>
      changeTransactions((tx) => ({
        revokeSessions: (revocations) =>
          tx.revokeSessions(revocations.filter(({ reason }) => reason !== "REFRESH_REUSE")),
      })),
  },
  {
    name: "a late duplicate of an honest client ends the session",
    breaks: ["R3"],
    scenario: refreshing,
    sabotage: () =>
      changeCore((core, { ports }) => ({
        refreshTokens: (input) =>
          core.refreshTokens(input).catch(async (failure: unknown) => {
            const sessionId = (await ports.codec.parse(input.refreshToken))?.sessionId;
            if (isReuse(failure) && sessionId !== undefined)
              await core.end.one(sessionId, { reason: "REFRESH_REUSE", by: "system" });
            throw failure;
          }),
      })),
  },
  {
    name: "no grace: a second tab is taken for a thief",
    breaks: ["R2", "R3"],
    scenario: refreshing,
    sabotage: () =>
      changeLockedSession((session) => ({
        ...session,
        refresh: { ...session.refresh, rotatedAt: 0 },
      })),
  },
  {
    name: "an exchange gives a token at random, so racing ones give two",
    breaks: ["R1", "OUTAGE"],
    scenario: refreshing,
    sabotage: () => {
      let given = 0;
      return changeCore((core) => ({
        async refreshTokens(input) {
          const output = await core.refreshTokens(input);
          const refreshToken = `${output.tokens.refreshToken}${given++}`;
          return { ...output, tokens: { ...output.tokens, refreshToken } };
        },
      }));
    },
  },
  {
    name: "an exchange in flight brings an ended session back",
    breaks: ["R5", "L1", "L2", "L4"],
    scenario: refreshing,
    sabotage: () => changeLockedSession((session) => ({ ...session, end: undefined })),
  },
  {
    name: "reuse is told twice",
    breaks: ["R3"],
    scenario: refreshing,
    sabotage: () =>
      changeTransactions((tx) => ({
        record: (events) =>
          tx.record(events.flatMap((e) => (e.type === "REFRESH_REUSED" ? [e, e] : [e]))),
      })),
  },
];
