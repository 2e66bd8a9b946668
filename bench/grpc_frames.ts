/** A message in gRPC's frame: not compressed, four bytes of length (gRPC over HTTP/2). */
export const frame = (message: Uint8Array): Buffer => {
  const framed = Buffer.allocUnsafe(5 + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
};

/** The frames that stand one after the other in some bytes. */
export const splitFrames = (bytes: Buffer): Buffer[] => {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
};

/**
 * Counts the messages that arrive on a stream in pieces, without decoding them: the client must not add to the measured
 * cost.
 *
 * @param onMessage given the first bytes of each whole message
 */
export const frameCounter = (onMessage: (message: Buffer) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      onMessage(bytes.subarray(at + 5, end));
      at = end;
    }
    rest = bytes.subarray(at);
  };
};
