import type { CallContext, CallEnvironment } from "../call_context.js";
import type { Chain } from "./chain.js";
import type { Interceptor, OutgoingStatus } from "./interceptor.js";

type Admit = Chain["admit"];
type StatusChange = Chain["status"];
type Done = Chain["done"];

const present = <T>(value: T | undefined): value is T => value !== undefined;

const inTurn =
  (first: Admit, second: Admit): Admit =>
  (ctx) => {
    const pending = first(ctx);
    return pending === undefined
      ? second(ctx)
      : pending.then(() => (ctx.over ? undefined : second(ctx)));
  };

export const compose = (
  interceptors: readonly Interceptor[],
  environment: CallEnvironment,
): Chain => {
  const inward = interceptors;
  const outward = interceptors.toReversed();
  const keep = (_: CallContext, status: OutgoingStatus): OutgoingStatus => status;
  return {
    environment,
    admit: inward
      .map(({ admit }) => admit)
      .filter(present)
      .reduce(inTurn, () => undefined),
    status: outward
      .map(({ status }) => status)
      .filter(present)
      .reduce<StatusChange>(
        (inner, outer) => (ctx, status) => outer(ctx, inner(ctx, status)),
        keep,
      ),
    done: outward
      .map(({ done }) => done)
      .filter(present)
      .reduce<Done>(
        (inner, outer) => (ctx, code) => {
          inner(ctx, code);
          outer(ctx, code);
        },
        () => undefined,
      ),
  };
};
