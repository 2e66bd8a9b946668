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

const decode = (bytes: Buffer): string => {
  try {
    return decoder.decode(bytes);
  } catch {
    throw badRequest("The body is not valid UTF-8.");
  }
};

const readBytes = (request: FastifyRequest, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"]) > limit) {
      reject(tooLarge(limit));
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    request.raw.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        request.raw.pause();
        reject(tooLarge(limit));
      } else {
        chunks.push(chunk);
      }
    });
    request.raw.once("end", () => resolve(Buffer.concat(chunks, length)));
    request.raw.once("error", () => reject(badRequest("The body ended early.")));
  });

const UTF8_JSON = /^application\/json\s*(;\s*charset="?utf-?8"?\s*)?$/i;

/**
 * Takes bodies as JSON text, for the message's own parser sees what `JSON.parse`
 * hides, and refuses every other content type. Each binding has its own limit,
 * kept before the body is in memory.
 */
export const installBodyReader = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", async (request: FastifyRequest) => {
    const contentType = request.headers["content-type"] ?? "";
    if (!UTF8_JSON.test(contentType)) {
      throw new ProblemError(
        415,
        "invalid_argument",
        "Send the body as content-type application/json, in UTF-8.",
      );
    }
    const limit = request.route ? bodyLimit(request.route.binding) : SINGLE_LIMIT;
    return decode(await readBytes(request, limit));
  });
};
