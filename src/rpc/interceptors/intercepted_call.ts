import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
} from "@grpc/grpc-js";
import { type CurfewError, fail } from "../../core/errors.js";
import { CallContext, type UnderlyingCall } from "../call_context.js";
import { Undecodable } from "../decoding.js";
import type { MethodRule } from "../rules.js";
import { failureOf, statusOf } from "../status.js";
import type { Chain } from "./chain.js";
import { codeSentBy, whenStreamCloses } from "./final_code.js";
import type { OutgoingStatus } from "./interceptor.js";

/** What grpc-js tells a call's handler; it does not export the type. */
type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];

const expire = (call: InterceptedCall): void => call.refuse(fail("DEADLINE_EXCEEDED"));

/**
 * Stands between grpc-js and the handler of one call. It overrides what it
 * needs and is its own listener, because the closures and objects of
 * ServerInterceptingCall's general way cost more than all we do here.
 */
export class InterceptedCall extends ServerInterceptingCall implements UnderlyingCall, Listener {
  readonly #context: CallContext;
  #handler: Listener | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly chain: Chain,
    private readonly rule: MethodRule,
    private readonly base: ServerInterceptingCallInterface,
  ) {
    super(base);
    this.#context = new CallContext(rule, this, chain.environment);
  }

  override start(handler: Listener): void {
    this.#handler = handler;
    this.base.start(this);
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#context.receive(metadata);
    this.#limitTime();
    try {
      const pending = this.chain.admit(this.#context);
      if (pending === undefined) this.#handler?.onReceiveMetadata(metadata);
      else this.#waitFor(pending, metadata);
    } catch (error) {
      this.refuse(failureOf(error));
    }
  }

  onReceiveMessage(message: unknown): void {
    if (message instanceof Undecodable) this.refuse(message.failure);
    else if (!this.#context.over) this.#handler?.onReceiveMessage(message);
  }

  onReceiveHalfClose(): void {
    if (!this.#context.over) this.#handler?.onReceiveHalfClose();
  }

  /** grpc-js calls this at the end of every stream, also of one that was answered. */
  onCancel(): void {
    if (!this.#context.over) this.#finish(codeSentBy(this.base));
    this.#handler?.onCancel();
  }

  override sendMetadata(metadata: Metadata): void {
    if (!this.#context.over) this.base.sendMetadata(metadata);
  }

  override sendMessage(message: unknown, callback: () => void): void {
    if (this.#context.over) return;
    try {
      this.base.sendMessage(message, callback);
    } catch (error) {
      this.refuse(failureOf(error));
    }
  }

  override sendStatus(status: OutgoingStatus): void {
    if (this.#context.over) return;
    const last = this.chain.status(this.#context, status);
    this.base.sendStatus(last);
    this.#finish(last.code);
  }

  refuse(failure: CurfewError): void {
    if (this.#context.over) return;
    this.#context.failure = failure;
    this.sendStatus(statusOf(failure, this.#context));
  }

  onAnswered(listener: (isSent: boolean) => void): void {
    whenStreamCloses(this.base, listener);
  }

  #waitFor(admission: Promise<void>, metadata: Metadata): void {
    admission.then(
      () => {
        if (!this.#context.over) this.#handler?.onReceiveMetadata(metadata);
      },
      (error: unknown) => this.refuse(failureOf(error)),
    );
  }

  /** grpc-js keeps the caller's deadline; a timer is needed only where ours comes first. */
  #limitTime(): void {
    const { deadlineMs } = this.rule;
    if (deadlineMs === 0 || Number(this.base.getDeadline()) <= Date.now() + deadlineMs) return;
    this.#timer = setTimeout(expire, deadlineMs, this);
  }

  #finish(code: number): void {
    clearTimeout(this.#timer);
    this.#context.close();
    this.chain.done(this.#context, code);
  }
}
