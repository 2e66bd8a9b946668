import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Binding } from "./binding.js";
import { badRequest, ProblemError } from "./problem.js";

/** Most bytes of a body: 64 KiB. */
const SINGLE_LIMIT = 64 * 1024;
/** Most bytes of a body that is a batch: 4 MiB of values and the JSON around them. */
export const BATCH_LIMIT = 5 * 1024 * 1024;

/** Most bytes a binding takes. A request with a list of messages is a batch. */
const bodyLimit = ({ rpc }: Binding): number =>
  rpc.method.input.fields.some((field) => field.fieldKind === "list" && field.message)
    ? BATCH_LIMIT
    : SINGLE_LIMIT;

const tooLarge = (limit: number): ProblemError =>
  new ProblemError(413, "invalid_argument", `The body is larger than ${limit} bytes.`);

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text; undefined if the bytes are not UTF-8. */
const decode = (bytes: Buffer): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
};

/** Calls back once, with the bytes or with why there are none. */
const readBytes = (
  { raw, headers }: FastifyRequest,
  limit: number,
  done: (error: ProblemError | null, bytes: Buffer) => void,
): void => {
  const none = Buffer.alloc(0);
  if (Number(headers["content-length"]) > limit) {
    done(tooLarge(limit), none);
    return;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  let ended = false;
  const end = (error: ProblemError | null): void => {
    if (ended) return;
    ended = true;
    done(error, error ? none : Buffer.concat(chunks, length));
  };
  raw.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > limit) {
      raw.pause();
      end(tooLarge(limit));
    } else {
      chunks.push(chunk);
    }
  });
  raw.once("end", () => end(null));
  raw.once("error", () => end(badRequest("The body ended early.")));
};

const unsupported = (detail: string): ProblemError =>
  new ProblemError(415, "invalid_argument", detail);

const UTF8_JSON = /^application\/json\s*(;\s*charset="?utf-?8"?\s*)?$/i;

/**
 * Takes bodies as JSON text, for the message's own parser sees what `JSON.parse`
 * hides, and refuses every other content type. Each binding has its own limit,
 * kept before the body is in memory.
 */
export const installBodyReader = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", (request: FastifyRequest, _payload, done) => {
    const { "content-type": type = "", "content-encoding": encoding = "identity" } =
      request.headers;
    if (!UTF8_JSON.test(type)) {
      throw unsupported("Send the body as content-type application/json, in UTF-8.");
    }
    // Nothing is unpacked here: a small body could become a large one.
    if (encoding.toLowerCase() !== "identity") {
      throw unsupported("Send the body without content-encoding.");
    }
    const limit = request.route ? bodyLimit(request.route.binding) : SINGLE_LIMIT;
    readBytes(request, limit, (error, bytes) => {
      const text = error ? undefined : decode(bytes);
      if (text !== undefined) done(null, text);
      else done(error ?? badRequest("The body is not valid UTF-8."));
    });
  });
};
