import type { Metadata, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { Status } from "../../generated/google/rpc/status.js";
import type { Call } from "../core/call.js";
import { ANONYMOUS, type Caller } from "../core/caller/caller.js";
import type { CurfewError } from "../core/errors.js";
import type { Connection } from "./budgets/connection.js";
import type { ClientAddress, Peer } from "./client_address.js";
import type { PickLanguage } from "./language.js";
import type { Language } from "./messages/catalogue.js";
import type { PeerService } from "./peer_certificate.js";
import type { RequestId } from "./request_id.js";
import type { MethodRule } from "./rules.js";
import { failureOf, toRpcStatus } from "./status.js";

/** The parts that all calls of a server share. */
export interface CallEnvironment {
  readonly pickLanguage: PickLanguage;
  readonly clientAddress: ClientAddress;
  readonly peerService: PeerService;
  readonly requestId: RequestId;
  /** Called for defects inside answers of calls that succeed themselves. */
  readonly onDefect: (ctx: CallContext, failure: CurfewError) => void;
}

/** The call underneath. */
export interface UnderlyingCall extends ServerInterceptingCallInterface {
  /** Ends it at once with a failure, whatever its handler is doing. */
  refuse(failure: CurfewError): void;
  /** See Call. */
  onAnswered(listener: (isSent: boolean) => void): void;
  readonly connection: Connection;
  /** See CallContext. */
  admitRequest(): void;
}

/** In the opaque part of a call's metadata, which no client can write to. */
const CONTEXT_KEY = "curfew.call_context";

/**
 * The state of one call. It is a class that computes every expensive value lazily, for the sake of the hot path: most
 * calls never need it.
 */
export class CallContext implements Call {
  /** The caller, once authentication has succeeded. */
  caller: Caller = ANONYMOUS;
  /** The failure of the call. */
  failure: CurfewError | undefined;
  /** The `language` field of the request. */
  wantedLanguage = "";
  /** Whether the call is over: answered, cancelled, or out of time. */
  over = false;
  /** Milliseconds on the clock of `performance.now`. */
  readonly startedAt = performance.now();

  #metadata: Metadata | undefined;
  #requestId: string | undefined;
  #ip: string | undefined;
  #abort: AbortController | undefined;

  constructor(
    readonly rule: MethodRule,
    private readonly call: UnderlyingCall,
    private readonly environment: CallEnvironment,
  ) {}

  /** The full path of the method. */
  get method(): string {
    return this.rule.path;
  }

  /** The caller's `x-request-id`, if it is fit for a log, else one of ours. */
  get requestId(): string {
    this.#requestId ??= this.environment.requestId(this.header("x-request-id"));
    return this.#requestId;
  }

  /** The language to answer in: of the request's `language`, else of `accept-language`. */
  get language(): Language {
    return this.environment.pickLanguage(this.wantedLanguage, this.header("accept-language"));
  }

  /** The client's address as reported by trusted proxies, if any. */
  get ip(): string {
    this.#ip ??= this.environment.clientAddress.of(this.#peer, this.header("x-forwarded-for"));
    return this.#ip;
  }

  /**
   * Whether our own gateway or a trusted proxy made the connection, so that its report about its clients is trusted.
   */
  get isForwarded(): boolean {
    return this.environment.clientAddress.isProxy(this.#peer);
  }

  /** The client's software, as reported by a trusted proxy if any; cut at 256 characters. */
  get userAgent(): string {
    const forwarded = this.header("x-forwarded-user-agent");
    const believed = forwarded !== "" && this.isForwarded;
    return (believed ? forwarded : this.header("user-agent")).slice(0, 256);
  }

  /** The connection of the call. */
  get connection(): Connection {
    return this.call.connection;
  }

  /** The caller's credential is good: the request is read even where it has to wait for memory. */
  admitRequest(): void {
    this.call.admitRequest();
  }

  /** The verified service at the other end of the connection, by its certificate. */
  get peerService(): string | undefined {
    return this.environment.peerService(this.call);
  }

  /** Aborted when the call is over, however it ended. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.over) this.#abort.abort();
    return this.#abort.signal;
  }

  /** The earlier of the caller's own deadline and the method's, on the clock of `performance.now`. */
  get deadlineAt(): number {
    const { deadlineMs } = this.rule;
    const own = performance.now() + Number(this.call.getDeadline()) - Date.now();
    return deadlineMs === 0 ? own : Math.min(own, this.startedAt + deadlineMs);
  }

  onAnswered(listener: (isSent: boolean) => void): void {
    this.call.onAnswered(listener);
  }

  /** The first value of a metadata key; empty: there is none. */
  header(key: string): string {
    return this.headers(key)[0] ?? "";
  }

  /** All values of a metadata key, which is not one for bytes (`…-bin`). */
  headers(key: string): readonly string[] {
    return (this.#metadata?.get(key) ?? []) as readonly string[];
  }

  /** A failure as a value inside an answer; a defect is reported, and masked. */
  rpcStatus(error: unknown): Status {
    const failure = failureOf(error);
    if (failure.reason === "INTERNAL") this.reportDefect(failure);
    return toRpcStatus(failure, this.language);
  }

  reportDefect(failure: CurfewError): void {
    this.environment.onDefect(this, failure);
  }

  /**
   * Sends a message of a stream without waiting for those before it, so that
   * all answers of a turn leave together; grpc-js's own stream writes one at a time.
   *
   * @param sent called when flow control has let it through; never, if the call ends before
   */
  send(message: unknown, sent: () => void): void {
    this.call.sendMessage(message, sent);
  }

  /** Ends the call at once with a failure, whatever its handler is doing. */
  end(failure: CurfewError): void {
    this.call.refuse(failure);
  }

  /** Takes the call's metadata, in which handlers find this context. */
  receive(metadata: Metadata): void {
    this.#metadata = metadata;
    metadata.setOpaque(CONTEXT_KEY, this);
  }

  /** The call is over. */
  close(): void {
    this.over = true;
    this.#abort?.abort();
  }

  /**
   * As the connection was accepted: after a reset Node no longer knows the address, and no other peer must be taken for
   * our gateway.
   */
  get #peer(): Peer {
    const { address, isGateway } = this.call.connection;
    return { address: address.remoteAddress ?? "", isGateway };
  }
}

/** The context of the call that came with this metadata. @throws Error if no interceptor made one */
export const contextOf = (metadata: Metadata): CallContext => {
  const context = metadata.getOpaque(CONTEXT_KEY);
  if (context instanceof CallContext) return context;
  throw new Error("the call has no context: serve it by createRpcServer");
};
