import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import {
  createValidator,
  type Validator,
  type ValidatorOptions,
} from "../../../src/validator/index.js";
import { startTestService, type TestService } from "../../support/service.js";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";

export const ISSUER = "https://curfew.test";

/** A service with several replicas, and validators of it. */
export interface ValidatorStage {
  readonly service: TestService;
  /** A key that may only validate. */
  readonly key: string;
  /** One more replica on the same stores, until the end of the test at the latest. */
  startReplica(): Promise<TestService>;
  /** A network to a replica that can be broken, until the end of the test. */
  proxyTo(replica: TestService): Promise<TcpProxy>;
  /** A validator that is ready, until the end of the test. */
  open(options?: Partial<ValidatorOptions>): Promise<Validator>;
  /** Signs a new user in. */
  signIn(roles?: readonly string[]): Promise<SignedIn>;
  logout(token: string): Promise<bigint>;
}

export interface SignedIn {
  readonly token: string;
  readonly refreshToken: string;
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
}

/** Starts the service before the tests of a file and stops it after. */
export const setUpValidatorStage = (
  environment: Readonly<Record<string, string>> = {},
): ValidatorStage => {
  let service: TestService;
  let key = "";
  const closers: (() => Promise<unknown>)[] = [];
  const settings = { JWT_ISSUER: ISSUER, ...environment };

  beforeAll(async () => {
    service = await startTestService(settings);
    key = await service.createServiceKey("validate");
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  afterAll(() => service?.stop());

  return {
    get service() {
      return service;
    },
    get key() {
      return key;
    },
    async startReplica() {
      const { databaseUrl, redisUrl } = service;
      const stores = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
      const replica = await startTestService({ ...settings, ...stores });
      let isStopped = false;
      const stop = async () => {
        if (isStopped) return;
        isStopped = true;
        await replica.stop();
      };
      closers.push(stop);
      return { ...replica, stop };
    },
    async proxyTo(replica) {
      const proxy = await startTcpProxy({ port: Number(replica.target.split(":")[1]) });
      closers.push(() => proxy.close());
      return proxy;
    },
    async open(options = {}) {
      const validator = createValidator({
        targets: [service.target],
        serviceKey: key,
        issuer: ISSUER,
        ...options,
      });
      closers.push(() => validator.close());
      await validator.ready({ timeoutMs: 20_000 });
      return validator;
    },
    async signIn(roles = []) {
      const user = await service.createUser(roles, `user-${randomUUID()}`);
      const login = await service.signIn(user.username);
      return {
        token: login.accessToken,
        refreshToken: login.refreshToken,
        userId: user.userId,
        username: user.username,
        sessionId: login.session?.sessionId ?? "",
      };
    },
    async logout(token) {
      const request = { accessToken: token, language: "" };
      return (await service.call(AuthServiceService.logout, request)).revision;
    },
  };
};
