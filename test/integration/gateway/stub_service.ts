import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  type Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { RpcFailure } from "./rpc_failure.js";

/** The descriptor set that the project ships. */
export const DESCRIPTORS: Uint8Array = readFileSync(
  new URL("../../../generated/descriptors.binpb", import.meta.url),
);

/** One call that the stub was asked. */
export interface ReceivedCall {
  /** For example `Login`. */
  readonly method: string;
  readonly bytes: Buffer;
  /** The request as ProtoJSON with proto names; members without presence included. */
  readonly request: JsonValue;
  readonly metadata: Metadata;
  /** Address and port it came from: another for each connection. */
  readonly peer: string;
  /** Milliseconds the caller gives it. */
  readonly timeLeft: number;
  /** Resolves when the caller gave up. */
  readonly cancelled: Promise<void>;
}

/** The stub's reaction to calls of one method. */
export type Answer = (call: ReceivedCall) => JsonValue | Promise<JsonValue>;

/** A gRPC service of every method in a descriptor set, whose answers a test gives. */
export interface StubService {
  readonly target: string;
  readonly calls: readonly ReceivedCall[];
  /** The last call. */
  last(): ReceivedCall;
  /** Resolves at the next call. */
  next(): Promise<ReceivedCall>;
  /** @param answer ProtoJSON of the response; an RpcFailure thrown is the status */
  answer(method: string, answer: Answer): void;
  /** Forgets calls and answers: each method answers its empty response again. */
  reset(): void;
  /** Sets the reported health. */
  setServing(serving: boolean): void;
  stop(): Promise<void>;
}

const pass = (bytes: Buffer): Buffer => bytes;

export const startStubService = async (
  descriptors: Uint8Array = DESCRIPTORS,
  address = "127.0.0.1:0",
): Promise<StubService> => {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const calls: ReceivedCall[] = [];
  const answers = new Map<string, Answer>();
  let waiting: ((call: ReceivedCall) => void)[] = [];
  const server = new Server();
  const health = new HealthImplementation({ "": "SERVING" });
  health.addToServer(server);

  const receive = (
    { name, input }: DescMethod,
    call: ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>,
  ): ReceivedCall => {
    const received: ReceivedCall = {
      method: name,
      bytes: call.request,
      request: toJson(input, fromBinary(input, call.request), {
        useProtoFieldName: true,
        alwaysEmitImplicit: true,
      }),
      metadata: call.metadata,
      peer: call.getPeer(),
      timeLeft: Number(call.getDeadline()) - Date.now(),
      cancelled: new Promise((resolve) => call.once("cancelled", () => resolve())),
    };
    calls.push(received);
    for (const resolve of waiting) resolve(received);
    waiting = [];
    return received;
  };
  const encode = ({ output }: DescMethod, json: JsonValue): Buffer =>
    Buffer.from(toBinary(output, fromJson(output, json, { registry })));

  for (const file of registry.files) {
    for (const service of file.services) {
      const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
      const implementation: UntypedServiceImplementation = {};
      for (const method of service.methods) {
        if (method.methodKind === "bidi_streaming") continue;
        const responseStream = method.methodKind === "server_streaming";
        definition[method.name] = {
          path: `/${service.typeName}/${method.name}`,
          requestStream: false,
          responseStream,
          requestSerialize: pass,
          requestDeserialize: pass,
          responseSerialize: pass,
          responseDeserialize: pass,
        };
        const answerOf = async (received: ReceivedCall): Promise<JsonValue> =>
          answers.get(method.name)?.(received) ??
          (toJson(method.output, create(method.output)) as JsonValue);
        implementation[method.name] = responseStream
          ? (call: ServerWritableStream<Buffer, Buffer>) => {
              const received = receive(method, call);
              const send = (json: JsonValue): void => {
                if (!call.cancelled) call.write(encode(method, json));
              };
              answerOf(received).then(
                (messages) => {
                  for (const message of messages as JsonValue[]) send(message);
                  call.end();
                },
                (failure: RpcFailure) => {
                  for (const message of failure.after ?? []) send(message);
                  call.emit("error", failure);
                },
              );
            }
          : (
              call: ServerUnaryCall<Buffer, Buffer>,
              done: (error: RpcFailure | null, bytes?: Buffer) => void,
            ) => {
              answerOf(receive(method, call))
                .then((json) => encode(method, json))
                .then(
                  (bytes) => done(null, bytes),
                  (failure: RpcFailure) => done(failure),
                );
            };
      }
      server.addService(definition, implementation);
    }
  }

  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    target: `127.0.0.1:${port}`,
    calls,
    last() {
      const call = calls.at(-1);
      if (!call) throw new Error("the stub was not called");
      return call;
    },
    next: () => new Promise((resolve) => waiting.push(resolve)),
    answer: (method, answer) => void answers.set(method, answer),
    reset() {
      calls.length = 0;
      answers.clear();
    },
    setServing: (serving) => health.setStatus("", serving ? "SERVING" : "NOT_SERVING"),
    stop: async () => server.forceShutdown(),
  };
};
