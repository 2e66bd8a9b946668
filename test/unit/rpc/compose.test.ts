import { describe, expect, test } from "vitest";
import type { CallContext, CallEnvironment } from "../../../src/rpc/call_context.js";
import { compose } from "../../../src/rpc/interceptors/compose.js";
import type { Interceptor } from "../../../src/rpc/interceptors/interceptor.js";

const environment = {} as CallEnvironment;
const ctx = { over: false } as CallContext;

const recording = (log: string[], name: string, admit?: Interceptor["admit"]): Interceptor => ({
  admit: (context) => {
    log.push(`${name} in`);
    return admit?.(context);
  },
  status: (_, status) => ({ ...status, details: `${status.details} ${name}` }),
  done: () => void log.push(`${name} out`),
});

describe("interceptors made one", () => {
  test("let in from the first to the last, and out the other way", () => {
    const log: string[] = [];
    const chain = compose([recording(log, "a"), {}, recording(log, "b")], environment);
    expect(chain.admit(ctx), "nothing to wait for").toBeUndefined();
    expect(chain.status(ctx, { code: 5, details: "" })).toMatchObject({ details: " b a" });
    chain.done(ctx, 5);
    expect(log).toEqual(["a in", "b in", "b out", "a out"]);
  });

  test("wait only for those who ask to", async () => {
    const log: string[] = [];
    const slow = recording(log, "slow", () => Promise.resolve());
    const chain = compose([slow, recording(log, "b")], environment);
    const pending = chain.admit(ctx);
    expect(log).toEqual(["slow in"]);
    await pending;
    expect(log).toEqual(["slow in", "b in"]);
  });

  test("stop at the first refusal, and for calls that have ended meanwhile", async () => {
    const log: string[] = [];
    const refusing = recording(log, "no", () => {
      throw new Error("refused");
    });
    expect(() => compose([refusing, recording(log, "b")], environment).admit(ctx)).toThrow(
      "refused",
    );
    const gone = { over: false } as CallContext;
    const slow = recording(log, "slow", async () => {
      gone.over = true;
    });
    await compose([slow, recording(log, "b")], environment).admit(gone);
    expect(log).toEqual(["no in", "slow in"]);
  });

  test("of none do nothing", () => {
    const chain = compose([], environment);
    const status = { code: 0, details: "OK" };
    expect(chain.admit(ctx)).toBeUndefined();
    expect(chain.status(ctx, status)).toBe(status);
    chain.done(ctx, 0);
  });
});
