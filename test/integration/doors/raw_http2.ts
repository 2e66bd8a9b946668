import { connect, type Socket } from "node:net";

/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const FRAME = {
  DATA: 0x0,
  HEADERS: 0x1,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Flags of HTTP/2 frames. */
export const FLAG = { NONE: 0x0, END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4 } as const;

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** An integer with a prefix of seven bits, as lengths of strings have it (RFC 7541, section 5.1). */
const length = (value: number): Buffer => {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
};

type Field = readonly [name: string, value: string];

/** Header fields without indexing or Huffman coding (RFC 7541, section 6.2.2). */
export const headerBlock = (fields: readonly Field[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.from([0x00]),
      length(name.length),
      Buffer.from(name, "latin1"),
      length(value.length),
      Buffer.from(value, "latin1"),
    ]),
  );

/**
 * A header field that the peer is to remember, and then so many references to it, of one byte each
 * (RFC 7541, sections 6.2.1 and 6.1): small on the wire, large when it is read.
 */
export const rememberedField = ([name, value]: Field, references: number): Buffer =>
  Buffer.concat([
    Buffer.from([0x40]),
    length(name.length),
    Buffer.from(name, "latin1"),
    length(value.length),
    Buffer.from(value, "latin1"),
    Buffer.alloc(references, 0x80 | FIRST_DYNAMIC_INDEX),
  ]);

/** The index of the last remembered header, after the static table. */
const FIRST_DYNAMIC_INDEX = 62;

/** The header fields of a gRPC call, and more of them. */
export const callHeaders = (path: string, more: readonly Field[] = []): Buffer =>
  headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...more,
  ]);

/** A message of gRPC in its frame of five bytes. */
export const grpcMessage = (message: Uint8Array, compressed = false): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** A connection on which the test writes whatever it likes. */
export interface RawConnection {
  readonly socket: Socket;
  /** Bytes the server has sent. */
  received(): number;
  /** Whether the connection is closed, by either side. */
  readonly closed: boolean;
  /** Writes, unless the connection is over; resolves when the bytes are handed to the system, or it is over. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Connects to a port of this machine and, unless `preface` is false, opens HTTP/2 with empty settings. */
export const openRaw = async (port: number, { preface = true } = {}): Promise<RawConnection> => {
  const socket = connect(port, "127.0.0.1");
  let received = 0;
  let closed = false;
  socket.on("data", (bytes) => {
    received += bytes.length;
  });
  // A server that cuts us off is what some of the tests are about.
  socket.on("error", () => {});
  const over = new Promise<void>((resolve) => {
    socket.once("close", () => {
      closed = true;
      resolve();
    });
  });
  await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), over]);
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (closed || !socket.writable) return;
    const written = new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
    await Promise.race([written, over]);
  };
  if (preface) await write(Buffer.concat([PREFACE, frame(FRAME.SETTINGS, FLAG.NONE, 0)]));
  return {
    socket,
    received: () => received,
    get closed() {
      return closed;
    },
    write,
    async close() {
      socket.destroy();
      await over;
    },
  };
};
