import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it arrived, ids in hexadecimal. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** Ids of the traces that it has a link to. */
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A receiver of traces over OTLP/HTTP in protobuf, which keeps what arrives. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** The headers of the last export. */
  headers(): Readonly<Record<string, unknown>>;
  /** All bodies as text, to look for what must not be in them. */
  bodies(): string;
  close(): Promise<void>;
}

/** Fields of a protobuf message by number, those that have a length; others are left out. */
const fieldsOf = (message: Buffer): Map<number, Buffer[]> => {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = varint();
      const number = tag >>> 3;
      fields.set(number, [...(fields.get(number) ?? []), message.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
};

const within = (messages: readonly Buffer[], field: number): Buffer[] =>
  messages.flatMap((message) => fieldsOf(message).get(field) ?? []);

/** Of `opentelemetry.proto.common.v1.KeyValue`, if the value is a text. */
const attributeOf = (keyValue: Buffer): [string, string] => {
  const fields = fieldsOf(keyValue);
  const [text = Buffer.alloc(0)] = within(fields.get(2) ?? [], 1);
  return [String(fields.get(1)?.[0] ?? ""), String(text)];
};

/** Of `opentelemetry.proto.trace.v1.Span`. */
const spanOf = (message: Buffer): ReceivedSpan => {
  const fields = fieldsOf(message);
  const hex = (field: number): string => fields.get(field)?.[0]?.toString("hex") ?? "";
  return {
    traceId: hex(1),
    spanId: hex(2),
    parentSpanId: hex(4),
    name: String(fields.get(5)?.[0] ?? ""),
    // Of `Span.Link`: trace_id.
    links: within(fields.get(13) ?? [], 1).map((id) => id.toString("hex")),
    attributes: Object.fromEntries((fields.get(9) ?? []).map(attributeOf)),
  };
};

export const startOtlpReceiver = async (): Promise<OtlpReceiver> => {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  let headers: Readonly<Record<string, unknown>> = {};
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    bodies.push(body);
    headers = { ...request.headers, path: request.url };
    // ExportTraceServiceRequest → ResourceSpans → ScopeSpans → Span.
    spans.push(...within(within(within([body], 1), 2), 2).map(spanOf));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers: () => headers,
    bodies: () => Buffer.concat(bodies).toString("latin1"),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
