import {
  ChannelCredentials,
  Client,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { ErrorInfo } from "../../../generated/google/rpc/error_details.js";
import { Status } from "../../../generated/google/rpc/status.js";
import type { Validator } from "../../../src/validator/index.js";
import {
  getCurrentActiveUser,
  getCurrentUser,
  statusOf,
  validatorInterceptor,
} from "../../../src/validator/integrations/grpc.js";
import { setUpValidatorStage } from "./stage.js";

const stage = setUpValidatorStage();
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const bytes = (value: Buffer): Buffer => value;
const method = (path: string, responseStream = false) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});

const GREETER = {
  hello: method("/test.Greeter/Hello"),
  staff: method("/test.Greeter/Staff"),
  active: method("/test.Greeter/Active"),
  open: method("/test.Greeter/Open"),
  follow: method("/test.Greeter/Follow", true),
} satisfies ServiceDefinition;

type Handlers = Record<"hello" | "staff" | "active" | "open", handleUnaryCall<Buffer, Buffer>> & {
  readonly follow: handleServerStreamingCall<Buffer, Buffer>;
};

/** A backend whose handlers greet the current user. */
const serve = async (validator: Validator): Promise<Client> => {
  const server = new Server({
    interceptors: [
      validatorInterceptor({
        validator,
        publicMethods: [GREETER.open.path],
        roles: { [GREETER.staff.path]: ["clerk"] },
      }),
    ],
  });
  const handlers: Handlers = {
    hello: (call, callback) => callback(null, Buffer.from(getCurrentUser(call).username)),
    staff: (_call, callback) => callback(null, Buffer.from("staff")),
    active: (call, callback) => {
      getCurrentActiveUser(call).then(
        (user) => callback(null, Buffer.from(user.userId)),
        (error: unknown) => callback(statusOf(error)),
      );
    },
    open: (_call, callback) => callback(null, Buffer.from("anybody")),
    follow: (call) => {
      call.write(Buffer.from("first"));
    },
  };
  server.addService(GREETER, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = new Client(`127.0.0.1:${port}`, ChannelCredentials.createInsecure());
  closers.push(
    () => client.close(),
    () => server.forceShutdown(),
  );
  return client;
};

const withToken = (...tokens: string[]): Metadata => {
  const metadata = new Metadata();
  for (const token of tokens) metadata.add("authorization", `Bearer ${token}`);
  return metadata;
};

const call = (client: Client, path: string, metadata: Metadata): Promise<string> =>
  new Promise((resolve, reject) =>
    client.makeUnaryRequest(path, bytes, bytes, Buffer.of(), metadata, (error, answer) =>
      error ? reject(error) : resolve(String(answer)),
    ),
  );

const reasonIn = ({ metadata }: ServiceError): ErrorInfo | undefined => {
  const [encoded] = metadata.get("grpc-status-details-bin");
  const details = encoded instanceof Buffer ? Status.decode(encoded).details : [];
  const info = details.find(({ typeUrl }) => typeUrl.endsWith("ErrorInfo"));
  return info && ErrorInfo.decode(info.value);
};

const refusal = async (answer: Promise<string>): Promise<[number, string | undefined]> => {
  const error = await answer.then(
    () => expect.unreachable("the call was let in"),
    (failure: ServiceError) => failure,
  );
  return [error.code, reasonIn(error)?.reason];
};

test("handlers know the current user; others are refused as Curfew refuses", async () => {
  const { token, username, userId } = await stage.signIn();
  const client = await serve(await stage.open({ mode: "local" }));
  expect(await call(client, GREETER.hello.path, withToken(token))).toBe(username);
  expect(await call(client, GREETER.active.path, withToken(token))).toBe(userId);
  expect(await call(client, GREETER.open.path, new Metadata())).toBe("anybody");

  const hello = (metadata: Metadata) => refusal(call(client, GREETER.hello.path, metadata));
  expect(await hello(new Metadata())).toEqual([status.UNAUTHENTICATED, "CREDENTIALS_MISSING"]);
  expect(await hello(withToken("x"))).toEqual([status.UNAUTHENTICATED, "ACCESS_TOKEN_INVALID"]);
  expect(await refusal(call(client, GREETER.staff.path, withToken(token)))).toEqual([
    status.PERMISSION_DENIED,
    "PERMISSION_DENIED",
  ]);
  await stage.logout(token);
  expect(await refusal(call(client, GREETER.active.path, withToken(token)))).toEqual([
    status.UNAUTHENTICATED,
    "ACCESS_TOKEN_BLACKLISTED",
  ]);
  expect(await hello(withToken(token))).toEqual([
    status.UNAUTHENTICATED,
    "ACCESS_TOKEN_BLACKLISTED",
  ]);
});

test.each(["remote", "local"] as const)(
  "%s: an open stream ends with its session, with the reason",
  async (mode) => {
    const { token } = await stage.signIn();
    const client = await serve(await stage.open({ mode }));
    const stream = client.makeServerStreamRequest(
      GREETER.follow.path,
      bytes,
      bytes,
      Buffer.of(),
      withToken(token),
    );
    const ended = new Promise<ServiceError>((resolve) => stream.on("error", resolve));
    await new Promise((resolve) => stream.once("data", resolve));
    await stage.logout(token);
    const error = await ended;
    expect(error.code).toBe(status.UNAUTHENTICATED);
    expect(reasonIn(error)).toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
      domain: "curfew",
      metadata: { end_reason: "LOGOUT" },
    });
  },
);
