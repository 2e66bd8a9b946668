import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import {
  ChannelCredentials,
  Client,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type pg from "pg";
import { AuthServiceService, type LoginResponse } from "../../generated/curfew/v1/auth_service.js";
import type { User } from "../../generated/curfew/v1/user.js";
import { UserAdminService } from "../../generated/curfew/v1/user_admin.js";
import { loadSettings } from "../../src/config/load_settings.js";
import type { Settings } from "../../src/config/settings.js";
import type { ServiceScope } from "../../src/core/ports/service_key_store.js";
import { localAdmin, startService } from "../../src/main.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { createPool } from "./database_client.js";
import { findFreePort } from "./free_port.js";
import { redisUrlForFile } from "./redis.js";
import { findSpilledSecrets } from "./spilled_secrets.js";
import { createDatabase } from "./test_database.js";

/** The password of every user that `createUser` makes. */
export const PASSWORD = "a perfectly fine passphrase";

/** A whole service, gRPC and REST, in the test's process, on real stores of the file's own. */
export interface TestService {
  readonly settings: Settings;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** `host:port` of gRPC. */
  readonly target: string;
  /** Of REST, as a browser on this machine opens it: `http://localhost:port`. */
  readonly origin: string;
  /** A service key with the scopes `validate` and `admin`. */
  readonly adminKey: string;
  /** A service key of a backend that signs people in. */
  readonly issuerKey: string;
  /** Calls a unary method over gRPC, with an access token or a service key. */
  call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    credential?: string,
  ): Promise<Response>;
  createServiceKey(...scopes: ServiceScope[]): Promise<string>;
  /** Creates a user who can sign in with PASSWORD. */
  createUser(roles?: readonly string[], username?: string): Promise<User>;
  signIn(username: string, deviceName?: string, password?: string): Promise<LoginResponse>;
  /** Queries the database directly. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Fails if a token, a key or PASSWORD was written down in a store or the log (D6), or a line of it is not JSON. */
  stop(): Promise<void>;
}

/**
 * Starts a service in development. Stop it in afterAll.
 *
 * @param environment settings, which win over those of the tests
 * @param onLogLine receives each line of the log; without it there is no log
 */
export const startTestService = async (
  environment: Readonly<Record<string, string>> = {},
  onLogLine?: (line: string) => void,
): Promise<TestService> => {
  const database = await createDatabase();
  const redisUrl = await redisUrlForFile();
  const settings = loadSettings({
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    HOST: "127.0.0.1",
    GRPC_PORT: "0",
    HTTP_PORT: String(await findFreePort()),
    METRICS_PORT: "0",
    SERVICE_AUTH: "key",
    // The default is for a machine that does not run a browser and a test beside.
    REDIS_TIMEOUT_MS: "250",
    SHUTDOWN_GRACE_SECONDS: "1",
    ...environment,
  });
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
    onLogLine?.(line);
  };
  const logger = createLogger({ level: "info", people: false, destination: { write } });
  const service = await startService(settings, logger);
  const target = `127.0.0.1:${service.grpcPort}`;
  const client = new Client(target, ChannelCredentials.createInsecure());
  const pool = createPool({ connectionString: database.url, max: 2 });

  const call: TestService["call"] = (method, request, credential) =>
    new Promise((resolve, reject) => {
      const metadata = new Metadata();
      if (credential !== undefined) metadata.set("authorization", `Bearer ${credential}`);
      const { path, requestSerialize, responseDeserialize } = method;
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        (error, response) => (response === undefined ? reject(error) : resolve(response)),
      );
    });
  /**
   * On a busy machine Postgres may take longer than the service waits, and the queue for hashing may be full. A call
   * that was refused for this reason had no effect.
   */
  const insist: TestService["call"] = async (...args) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(...args);
      } catch (error) {
        if (!isTemporary(error as ServiceError) || attempt === 20) throw error;
        await wait(250);
      }
    }
  };
  const createServiceKey = async (...scopes: ServiceScope[]): Promise<string> => {
    const name = `key-${randomUUID()}`;
    return (await localAdmin.createServiceKey(settings, { name, scopes })).text;
  };
  const adminKey = await createServiceKey("validate", "admin");
  const issuerKey = await createServiceKey("issue");

  return {
    settings,
    databaseUrl: database.url,
    redisUrl,
    target,
    origin: `http://localhost:${service.httpPort}`,
    adminKey,
    issuerKey,
    call,
    createServiceKey,
    async createUser(roles = [], username = `user-${randomUUID()}`) {
      const user = { username, password: PASSWORD, displayName: "", roles: [...roles] };
      const made = await insist(UserAdminService.createUser, user, adminKey);
      if (made.user === undefined) throw new Error("CreateUser answered no user");
      return made.user;
    },
    signIn: (username, deviceName = "test", password = PASSWORD) =>
      insist(AuthServiceService.login, { username, password, deviceName, language: "" }),
    query: async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
      (await pool.query<Row>(sql, values)).rows,
    async stop() {
      client.close();
      await service.stop();
      const passwords = [PASSWORD];
      const spilled = await findSpilledSecrets({ pool, redisUrl, lines, passwords });
      await pool.end();
      await database.drop();
      if (spilled.length > 0) throw new Error(`secrets were written down:\n${spilled.join("\n")}`);
      for (const line of lines) JSON.parse(line);
    },
  };
};

/** UNAVAILABLE, OVERLOADED, or TOO_MANY_ATTEMPTS with `cause: busy`. */
const isTemporary = ({ code, metadata }: ServiceError): boolean => {
  const details = String(metadata?.get("grpc-status-details-bin")[0] ?? "");
  return code === status.UNAVAILABLE || /OVERLOADED|busy/.test(details);
};
