import { type Metadata, ServerInterceptingCall } from "@grpc/grpc-js";
import { type CurfewError, fail } from "../../core/errors.js";
import type { Connection } from "../budgets/connection.js";
import { CallContext, type UnderlyingCall } from "../call_context.js";
import { Undecodable } from "../decoding.js";
import type { MethodRule } from "../rules.js";
import { failureOf, statusOf } from "../status.js";
import type { Listener, WireCall, WireListener } from "../wire/wire_call.js";
import type { Chain } from "./chain.js";
import type { OutgoingStatus } from "./interceptor.js";

const CANCELLED = 1;

const expire = (call: InterceptedCall): void => call.refuse(fail("DEADLINE_EXCEEDED"));

/**
 * Stands between the wire and the handler of one call. It overrides only the needed methods and is its own listener,
 * because the closures and objects of ServerInterceptingCall's general way cost more than all the work here.
 */
export class InterceptedCall
  extends ServerInterceptingCall
  implements UnderlyingCall, WireListener
{
  readonly #context: CallContext;
  #handler: Listener | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly chain: Chain,
    private readonly rule: MethodRule,
    private readonly base: WireCall,
  ) {
    super(base);
    this.#context = new CallContext(rule, this, chain.environment);
  }

  get connection(): Connection {
    return this.base.connection;
  }

  admitRequest(): void {
    this.base.admitRequest();
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

  /** The call failed below the interceptors. */
  onFailure(failure: CurfewError): void {
    this.refuse(failure);
  }

  /** The stream has closed; the caller went away, unless the call was answered. */
  onCancel(): void {
    if (!this.#context.over) this.#finish(CANCELLED);
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
    this.base.whenClosed(listener);
  }

  #waitFor(admission: Promise<void>, metadata: Metadata): void {
    admission.then(
      () => {
        if (!this.#context.over) this.#handler?.onReceiveMetadata(metadata);
      },
      (error: unknown) => this.refuse(failureOf(error)),
    );
  }

  /** The wire keeps the caller's deadline; a timer is needed only where ours comes first. */
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
