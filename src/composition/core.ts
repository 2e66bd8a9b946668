import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Settings } from "../config/settings.js";
import type { CoreSettings } from "../core/settings.js";
import { type SharedClock, sharedClock } from "../core/shared_clock.js";
import type { Ports } from "../core/use_cases.js";
import type { Keyring } from "../crypto/keyring.js";
import { createPasswordHasher } from "../crypto/password_hasher.js";
import { COMMON_PASSWORDS } from "../crypto/passwords/common_passwords.js";
import { createRefreshTokenCodec } from "../crypto/refresh_token_codec.js";
import { createTokenSigner } from "../crypto/token_signer.js";
import { createTokenVerifier } from "../crypto/token_verifier.js";
import { uuidV7Source } from "../crypto/uuid_v7.js";
import { createSubjectTokenVerifier } from "../issuers/subject_token_verifier.js";
import type { Logger } from "../telemetry/logger.js";

/** A login may wait this long for its hash, in milliseconds, before it is refused. */
const MAX_HASH_WAIT_MS = 2000;
/** Reading the keys of an issuer may take this long, in milliseconds. */
const ISSUER_TIMEOUT_MS = 2500;
/** libuv has four threads, which signatures and files need too. */
const MAX_HASHES_AT_ONCE = 3;

/** One processor is left to everything else, so that a storm of logins does not starve validation (D2). */
export const hashesAtOnce = (): number =>
  Math.max(1, Math.min(MAX_HASHES_AT_ONCE, availableParallelism() - 1));

export const coreSettings = (settings: Settings): CoreSettings => ({
  issuer: settings.jwtIssuer,
  audience: settings.jwtAudience,
  defaultClientId: settings.defaultClientId,
  accessTtlMs: settings.accessTokenLifetimeMs,
  idleTimeoutMs: settings.idleTimeoutMs,
  maxLifetimeMs: settings.maxLifetimeMs,
  graceMs: settings.refreshGraceMs,
  maxSessions: settings.maxConcurrentSessions,
  limitPolicy: settings.sessionLimitPolicy,
  consistencyTimeoutMs: settings.consistencyTimeoutMs,
  retentionMs: settings.sessionRetentionMs,
  auditRetentionMs: settings.auditRetentionMs,
  passwordMinLength: settings.passwordMinLength,
  passwordContextWords: settings.passwordContextWords,
});

export const systemClock = (): SharedClock =>
  sharedClock({
    wall: Date.now,
    monotonic: () => performance.now(),
    sleep: (ms) => sleep(ms),
  });

/** The ports that are answered in this process. */
export const localPorts = (settings: Settings, keyring: Keyring) =>
  ({
    signer: createTokenSigner(keyring),
    verifier: createTokenVerifier({
      keys: keyring,
      issuer: settings.jwtIssuer,
      audience: settings.jwtAudience,
    }),
    codec: createRefreshTokenCodec(keyring),
    hasher: createPasswordHasher({ concurrency: hashesAtOnce(), maxWaitMs: MAX_HASH_WAIT_MS }),
    isCommonPassword: (password) => COMMON_PASSWORDS.has(password),
    ids: uuidV7Source(),
    schedule: setImmediate,
  }) satisfies Partial<Ports>;

/** Verifies the ID tokens of the issuers that the settings name. */
export const subjectTokens = (
  settings: Settings,
  clock: SharedClock,
  logger: Logger | undefined,
): Ports["subjectTokens"] =>
  createSubjectTokenVerifier({
    issuers: settings.trustedIssuers ?? [],
    clock,
    timeoutMs: ISSUER_TIMEOUT_MS,
    allowLoopbackHttp: !settings.production,
    onFailure: (issuer, err) => logger?.warn({ issuer, err }, "an issuer's keys could not be read"),
  });
