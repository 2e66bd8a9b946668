import { once } from "node:events";
import { connect } from "node:net";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const DATA = 0x0;
const HEADERS = 0x1;
const SETTINGS = 0x4;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;

const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** A header field without indexing or Huffman coding (RFC 7541, section 6.2.2); up to 126 bytes each. */
const field = ([name, value]: readonly [string, string]): Buffer =>
  Buffer.concat([
    Buffer.from([0x00, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value, "latin1"),
  ]);

/**
 * Makes a unary call with an empty message in plain HTTP/2 frames, because
 * HTTP/2 clients do not send the headers that are to be refused.
 */
export async function sendRawCall(
  port: number,
  path: string,
  headers: readonly (readonly [string, string])[],
): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const fields = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...headers,
  ] as const;
  socket.write(
    Buffer.concat([
      PREFACE,
      frame(SETTINGS, 0, 0, Buffer.alloc(0)),
      frame(HEADERS, END_HEADERS, 1, Buffer.concat(fields.map(field))),
      frame(DATA, END_STREAM, 1, Buffer.alloc(5)),
    ]),
  );
  // The server's settings, at least, and whatever it answers.
  await once(socket, "data");
  socket.end();
}
