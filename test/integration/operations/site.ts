import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import {
  ChannelCredentials,
  type ChannelOptions,
  Client,
  Metadata,
  type MethodDefinition,
} from "@grpc/grpc-js";
import type pg from "pg";
import {
  AuthServiceService,
  type LoginResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { loadSettings } from "../../../src/config/load_settings.js";
import { localAdmin } from "../../../src/main.js";
import { createPool } from "../../support/database_client.js";
import { findFreePort } from "../../support/free_port.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { redisUrlForFile } from "../../support/redis.js";
import { type ServerProcess, startServerProcess } from "../../support/server_process.js";
import { PASSWORD } from "../../support/service.js";
import { createDatabase } from "../../support/test_database.js";
import { startCurfew } from "../cli/curfew_process.js";

export type Environment = Readonly<Record<string, string>>;

const TSX = new URL("../../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href;
const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const CALL_TIMEOUT_MS = 10_000;

/** A client of one target, or of several as `ipv4:host:port,host:port`. */
export interface Caller {
  call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    credential?: string,
  ): Promise<Response>;
  signIn(username: string): Promise<LoginResponse>;
  validate(accessToken: string, serviceKey: string): Promise<{ readonly sessionId: string }>;
  close(): void;
}

export const openCaller = (target: string, options: ChannelOptions = {}): Caller => {
  const client = new Client(target, ChannelCredentials.createInsecure(), {
    // Connections of its own, so that each caller is a client of its own.
    "grpc.use_local_subchannel_pool": 1,
    ...options,
  });
  const call: Caller["call"] = (method, request, credential) =>
    new Promise((resolve, reject) => {
      const metadata = new Metadata();
      if (credential !== undefined) metadata.set("authorization", `Bearer ${credential}`);
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + CALL_TIMEOUT_MS },
        (error, response) => (response === undefined ? reject(error) : resolve(response)),
      );
    });
  return {
    call,
    signIn: (username) =>
      call(AuthServiceService.login, {
        username,
        password: PASSWORD,
        deviceName: "test",
        language: "",
      }),
    validate: (accessToken, serviceKey) =>
      call(
        AuthServiceService.validateToken,
        { accessToken, audience: "", skipActivity: false },
        serviceKey,
      ),
    close: () => client.close(),
  };
};

/** `curfew serve` in a process of its own. */
export interface ServedReplica extends Caller {
  /** `host:port` of gRPC. */
  readonly target: string;
  /** What starts it again in its place. */
  readonly environment: Environment;
  readonly process: ServerProcess;
  metrics(): Promise<string>;
}

/** The site of an operator: stores, settings, and the command line. */
export interface Site {
  readonly environment: Environment;
  /** A service key with all scopes. */
  readonly adminKey: string;
  /** Runs `curfew serve`; `more` wins over the site's settings. The site's stop ends it too. */
  serve(more?: Environment): Promise<ServedReplica>;
  /** Runs a command; resolves to its output, rejects unless it ends with 0. */
  curfew(...words: string[]): Promise<string>;
  /** The same against a replica, as administrator. */
  administer(replica: ServedReplica, ...words: string[]): Promise<string>;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** Creates a user who can sign in with PASSWORD. */
export const createUser = async (caller: Caller, adminKey: string): Promise<string> => {
  const username = `user-${randomUUID()}`;
  const user = { username, password: PASSWORD, displayName: "", roles: [] };
  await caller.call(UserAdminService.createUser, user, adminKey);
  return username;
};

const openReplica = async (environment: Environment, cwd: string): Promise<ServedReplica> => {
  const ports = {
    GRPC_PORT: environment.GRPC_PORT ?? String(await findFreePort()),
    METRICS_PORT: environment.METRICS_PORT ?? String(await findFreePort()),
  };
  const told: Environment = { ...environment, ...ports };
  const server = await startServerProcess({
    command: process.execPath,
    args: ["--import", TSX, MAIN, "serve"],
    ready: Number(told.WORKERS ?? 1) > 1 ? /all workers are ready/ : /curfew is ready/,
    cwd,
    env: { PATH: process.env.PATH, ...told },
  });
  const target = `127.0.0.1:${ports.GRPC_PORT}`;
  return {
    ...openCaller(target),
    target,
    environment: told,
    process: server,
    metrics: async () => {
      const url = `http://127.0.0.1:${ports.METRICS_PORT}/metrics`;
      return (await fetch(url, { headers: { connection: "close" } })).text();
    },
  };
};

/** @param settings of all replicas and commands; they may name stores of their own */
export const openSite = async (settings: Environment = {}): Promise<Site> => {
  const database = await createDatabase();
  const folder = makePrivateFolder("site");
  const environment: Environment = {
    DATABASE_URL: database.url,
    REDIS_URL: await redisUrlForFile(),
    HOST: "127.0.0.1",
    HTTP_PORT: "0",
    SERVICE_AUTH: "key",
    REDIS_TIMEOUT_MS: "250",
    SHUTDOWN_GRACE_SECONDS: "2",
    ...settings,
  };
  const replicas: ServedReplica[] = [];
  const pool = createPool({ connectionString: environment.DATABASE_URL, max: 2 });
  const key = { name: "operator", scopes: ["validate", "admin"] as const };
  const { text: adminKey } = await localAdmin.createServiceKey(loadSettings(environment), key);

  const curfew = async (words: readonly string[], more: Environment = {}): Promise<string> => {
    const run = startCurfew(words, { ...environment, ...more }, folder);
    const { exitCode, output, errors } = await run.ended;
    if (exitCode === 0) return output;
    throw new Error(`curfew ${words.join(" ")} ended with ${exitCode}: ${errors}${output}`);
  };

  return {
    environment,
    adminKey,
    async serve(more = {}) {
      const replica = await openReplica({ ...environment, ...more }, folder);
      replicas.push(replica);
      return replica;
    },
    curfew: (...words) => curfew(words),
    administer: ({ target }, ...words) =>
      curfew(words, { CURFEW_TARGET: target, CURFEW_TOKEN: adminKey }),
    query: async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
      (await pool.query<Row>(sql, values)).rows,
    async stop() {
      for (const replica of replicas) replica.close();
      await Promise.all(replicas.map((replica) => replica.process.stop("SIGTERM")));
      await pool.end();
      await database.drop();
    },
  };
};
