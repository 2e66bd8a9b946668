import type { ChannelCredentials } from "@grpc/grpc-js";
import { cleanServiceKey } from "./channel/service_key.js";

/** TLS to Curfew; PEM texts. */
export interface TlsOptions {
  /** The authorities that may have issued Curfew's certificate. Default: Node's trusted authorities. */
  readonly ca?: string | Buffer;
  /** With `key`: who this backend is (mTLS). */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name in Curfew's certificate, where it is not the target's. */
  readonly serverName?: string;
}

/** Options of createValidator. Times are milliseconds. */
export interface ValidatorOptions {
  /** Replicas of Curfew as `host:port`; a name with several addresses counts as several. */
  readonly targets: readonly string[];
  /**
   * `remote` calls Curfew on every check: no staleness at all. `local` validates in microseconds, with keys and a feed
   * of revocations, at most `maxStaleness` behind. Default `remote`.
   */
  readonly mode?: "remote" | "local";
  /** A key of this backend, made with `curfew services create`; a function is called before each call. */
  readonly serviceKey?: string | (() => string);
  /** TLS to Curfew; `true` for the defaults. Default: none. */
  readonly tls?: TlsOptions | true;
  /** The channel's credentials, in the place of `tls`. */
  readonly credentials?: ChannelCredentials;
  /** The `iss` that tokens must have: Curfew's JWT_ISSUER. Local mode needs it. */
  readonly issuer?: string;
  /** The `aud` that tokens must have. Default: Curfew's JWT_AUDIENCE; in local mode `curfew`. */
  readonly audience?: string;
  /** How long after its end a session may still count as live in local mode. Default 1000. */
  readonly maxStaleness?: number;
  /**
   * What local mode does while the feed of revocations is older than
   * `maxStaleness`: ask Curfew on every check, or refuse with
   * DEPENDENCY_UNAVAILABLE. Default `online`.
   */
  readonly whenStale?: "online" | "fail";
  /** The longest a check may take. Default 2000. */
  readonly deadlineMs?: number;
  /** How old a user's name and roles may be in local mode. Default 60 000. */
  readonly profileMaxAge?: number;
  /** How often local mode fetches the keys. Default 60 000. */
  readonly keysRefreshMs?: number;
  /** The time for which local mode continues with keys that it cannot fetch again. Default one hour. */
  readonly keysMaxAge?: number;
  /** Most tokens, and most sessions, that local mode remembers; about 2 KB each. Default 50 000. */
  readonly maxSessions?: number;
  /**
   * Connections to each target. A replica with WORKERS hands them to its workers
   * in turn, so more of them reach more workers. Default 2.
   */
  readonly connections?: number;
  /** Most checks that may wait for Curfew; more are refused at once. Default 20 000. */
  readonly maxPending?: number;
  /**
   * Called once for each problem that an operator should know of: a silent feed, missing keys, uses that cannot be
   * reported, a refused credential.
   */
  readonly onProblem?: (problem: Error) => void;
}

/** Options with nothing left open. */
export interface ValidatorSettings {
  readonly targets: readonly string[];
  readonly mode: "remote" | "local";
  readonly serviceKey: (() => string) | undefined;
  readonly tls: TlsOptions | undefined;
  readonly credentials: ChannelCredentials | undefined;
  readonly issuer: string;
  /** Empty: Curfew's own. */
  readonly audience: string;
  readonly maxStaleness: number;
  readonly whenStale: "online" | "fail";
  readonly deadlineMs: number;
  readonly profileMaxAge: number;
  readonly keysRefreshMs: number;
  readonly keysMaxAge: number;
  readonly maxSessions: number;
  readonly connections: number;
  readonly maxPending: number;
  readonly onProblem: (problem: Error) => void;
}

const TARGET = /^(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/;

function assertPositive(options: ValidatorOptions, names: readonly (keyof ValidatorOptions)[]) {
  for (const name of names) {
    const value = options[name];
    if (value !== undefined && !(typeof value === "number" && value > 0 && value < 2 ** 31))
      throw new RangeError(`${name} must be a number over 0 and below 2^31, not ${String(value)}.`);
  }
}

/** Node ignores text that is not PEM, and then reports the certificate of the other side as the problem. */
function assertPem(tls: TlsOptions): void {
  for (const name of ["ca", "cert"] as const) {
    const pem = tls[name];
    if (pem !== undefined && !/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(pem.toString()))
      throw new TypeError(
        `tls.${name} holds no certificate in PEM (-----BEGIN CERTIFICATE-----): give the text of the file, not its name.`,
      );
  }
}

/** A key that is fixed is checked now; one that a function gives, at each call. */
const keySource = (serviceKey: ValidatorOptions["serviceKey"]): (() => string) | undefined => {
  if (typeof serviceKey !== "string") return serviceKey;
  const key = cleanServiceKey(serviceKey);
  return () => key;
};

/**
 * Fills in the defaults.
 *
 * @throws TypeError or RangeError that names the option and its accepted values
 */
export function compileOptions(options: ValidatorOptions): ValidatorSettings {
  const { targets, mode = "remote", serviceKey, tls, whenStale = "online" } = options;
  if (targets.length === 0)
    throw new TypeError('targets must name a replica of Curfew, for example ["localhost:50051"].');
  const strange = targets.find((target) => !TARGET.test(target));
  if (strange !== undefined)
    throw new TypeError(
      `targets are "host:port", for example "localhost:50051", not "${strange}".`,
    );
  if (mode !== "remote" && mode !== "local")
    throw new TypeError(`mode must be "remote" or "local", not "${String(mode)}".`);
  if (whenStale !== "online" && whenStale !== "fail")
    throw new TypeError(`whenStale must be "online" or "fail", not "${String(whenStale)}".`);
  if (mode === "local" && !options.issuer)
    throw new TypeError("issuer is needed in local mode: the JWT_ISSUER that Curfew is run with.");
  if (tls !== undefined && options.credentials !== undefined)
    throw new TypeError("tls and credentials exclude each other: give one.");
  if (tls !== undefined && tls !== true) assertPem(tls);
  assertPositive(options, ["maxStaleness", "deadlineMs", "profileMaxAge", "keysRefreshMs"]);
  assertPositive(options, ["keysMaxAge", "maxSessions", "maxPending"]);
  const { connections = 2 } = options;
  if (!(Number.isInteger(connections) && connections >= 1 && connections <= 64))
    throw new RangeError(`connections must be a whole number from 1 to 64, not ${connections}.`);
  return {
    targets,
    mode,
    serviceKey: keySource(serviceKey),
    tls: tls === true ? {} : tls,
    credentials: options.credentials,
    issuer: options.issuer ?? "",
    audience: options.audience ?? (mode === "local" ? "curfew" : ""),
    maxStaleness: options.maxStaleness ?? 1000,
    whenStale,
    deadlineMs: options.deadlineMs ?? 2000,
    profileMaxAge: options.profileMaxAge ?? 60_000,
    keysRefreshMs: options.keysRefreshMs ?? 60_000,
    keysMaxAge: options.keysMaxAge ?? 3_600_000,
    maxSessions: options.maxSessions ?? 50_000,
    connections,
    maxPending: options.maxPending ?? 20_000,
    onProblem: options.onProblem ?? (() => undefined),
  };
}
