import { afterEach, expect, test } from "vitest";
import { startTracing, type Tracing } from "../../../src/telemetry/tracing.js";
import { type OtlpReceiver, startOtlpReceiver } from "../../support/otlp_receiver.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID = "b7ad6b7169203331";
const sampled = `00-${TRACE_ID}-${SPAN_ID}-01`;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** What arrives of spans that are begun by `use`. */
const recorded = async (ratio: number, use: (tracing: Tracing) => void) => {
  const receiver: OtlpReceiver = await startOtlpReceiver();
  open.push(receiver.close);
  const tracing = startTracing({
    endpoint: receiver.url,
    headers: {},
    serviceName: "curfew",
    ratio,
  });
  use(tracing);
  await tracing.stop();
  return receiver;
};

const received = (traceparent: string, isBelieved: boolean) => ({
  traceparent,
  tracestate: "vendor=secret",
  isBelieved,
});

test("a sender that is believed decides whether its calls are recorded, and is the parent", async () => {
  const { spans } = await recorded(0, (tracing) => {
    tracing.receive("believed", {}, received(sampled, true)).end({});
    tracing.receive("alone", {}, received("", true)).end({});
  });
  expect(spans).toMatchObject([
    { name: "believed", traceId: TRACE_ID, parentSpanId: SPAN_ID, links: [] },
  ]);
});

test("D8 any other has no say in it", async () => {
  const { spans } = await recorded(0, (tracing) => {
    for (let call = 0; call < 100; call += 1)
      tracing.receive("stranger", {}, received(sampled, false)).end({});
  });
  expect(spans).toEqual([]);
});

test("and is linked to by a trace of our own, without its state", async () => {
  const receiver = await recorded(1, (tracing) => {
    const span = tracing.receive("stranger", {}, received(sampled, false));
    expect(span.traceId).not.toBe(TRACE_ID);
    expect(span.traceparent).toMatch(new RegExp(`^00-${span.traceId}-[0-9a-f]{16}-01$`));
    span.within(() => tracing.call("statement", {})?.end({}));
    span.end({});
    tracing.receive("malformed", {}, received("00-xyz", false)).end({});
  });
  const byName = new Map(receiver.spans.map((span) => [span.name, span]));
  expect(byName.get("stranger")).toMatchObject({ parentSpanId: "", links: [TRACE_ID] });
  expect(byName.get("statement")?.traceId).toBe(byName.get("stranger")?.traceId);
  expect(byName.get("malformed")).toMatchObject({ parentSpanId: "", links: [] });
  expect(receiver.bodies()).not.toContain("vendor");
});
