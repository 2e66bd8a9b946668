import { ChannelCredentials, Client, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  AuthServiceService,
  type WatchRevocationsResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import type { Revocation, Watermark } from "../../../generated/curfew/v1/revocation.js";
import { waitUntil } from "../../support/wait_until.js";
import { type Failure, failureOf } from "../rpc/stub_server.js";

/** Something that was received, with the moment on the clock of `performance.now`. */
export interface Received<Message> {
  readonly message: Message;
  readonly at: number;
}

/** One stream of WatchRevocations, with all it has brought so far. */
export interface RevocationWatch {
  readonly revocations: Received<Revocation>[];
  readonly watermarks: Received<Watermark>[];
  /** The failure with which the watch ended, once it has. */
  failure(): Failure | undefined;
  /** Where to resume. */
  lastRevision(): bigint;
  sessionIds(): string[];
  /** Resolves to the time at which it received the revocation of a session. */
  toldOf(sessionId: string): Promise<number>;
  /** Resolves when a watermark has come that was not there when this was called. */
  nextWatermark(): Promise<Watermark>;
  ended(): Promise<Failure>;
  pause(): void;
  resume(): void;
  close(): void;
}

const PATIENCE_MS = 25_000;

export const watchRevocations = (
  target: string,
  key: string,
  afterRevision = 0n,
): RevocationWatch => {
  // A pool of connections of its own, as another process has.
  const client = new Client(target, ChannelCredentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  const { path, requestSerialize, responseDeserialize } = AuthServiceService.watchRevocations;
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { afterRevision },
    metadata,
  );
  const revocations: Received<Revocation>[] = [];
  const watermarks: Received<Watermark>[] = [];
  let failure: Failure | undefined;
  let last = afterRevision;
  stream.on("data", ({ event }: WatchRevocationsResponse) => {
    const at = performance.now();
    if (event === undefined) return;
    last = event.value.revision;
    if (event.$case === "revocation") revocations.push({ message: event.value, at });
    else watermarks.push({ message: event.value, at });
  });
  stream.on("error", (error: ServiceError) => {
    failure = failureOf(error);
  });

  const received = async <Message>(
    what: string,
    find: () => Received<Message> | undefined,
  ): Promise<Received<Message>> => {
    let found: Received<Message> | undefined;
    await waitUntil(
      what,
      () => {
        found = find();
        if (found === undefined && failure !== undefined)
          throw new Error(`the stream ended (${failure.reason}) before ${what}`);
        return found !== undefined;
      },
      PATIENCE_MS,
    );
    return found as Received<Message>;
  };

  return {
    revocations,
    watermarks,
    failure: () => failure,
    lastRevision: () => last,
    sessionIds: () => revocations.map(({ message }) => message.sessionId),
    toldOf: async (sessionId) =>
      (
        await received(`the watcher is told of ${sessionId}`, () =>
          revocations.findLast(({ message }) => message.sessionId === sessionId),
        )
      ).at,
    nextWatermark: async () => {
      const known = watermarks.length;
      return (await received("a watermark comes", () => watermarks[known])).message;
    },
    async ended() {
      await waitUntil("the stream has ended", () => failure !== undefined, PATIENCE_MS);
      return failure as Failure;
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close() {
      stream.cancel();
      client.close();
    },
  };
};
