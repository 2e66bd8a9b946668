import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Access } from "../../generated/curfew/options/v1/options.js";
import type { Binding } from "./binding.js";
import { type BodyBounds, SINGLE_BYTES } from "./budgets/body_bounds.js";
import type { BodyBudget, BodyShare } from "./budgets/body_budget.js";
import { excessOf } from "./budgets/json_elements.js";
import { beyondBound, type OnRefused } from "./budgets/refusal.js";
import { callMetadata } from "./call_metadata.js";
import { sourceOfRequest } from "./client_address.js";
import { badRequest, ProblemError } from "./problem.js";
import { problemFrom } from "./problem_reply.js";
import type { RpcChannel } from "./rpc_channel.js";
import { isServiceError } from "./rpc_status.js";

/** What bodies are read by. */
export interface BodyReader {
  readonly channel: RpcChannel;
  readonly boundsOf: (binding: Binding) => BodyBounds;
  readonly budget: BodyBudget;
  /** Access classes whose methods need no credential. */
  readonly openAccess: ReadonlySet<Access>;
  readonly onRefused: OnRefused;
}

const tooLarge = (limit: number): ProblemError =>
  beyondBound(413, "body_bytes", `The body is larger than ${limit} bytes.`);

const unsupported = (detail: string): ProblemError =>
  new ProblemError(415, "invalid_argument", detail);

const UTF8_JSON = /^application\/json\s*(;\s*charset="?utf-?8"?\s*)?$/i;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text; undefined if the bytes are not UTF-8. */
const decode = (bytes: Buffer): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
};

const PROBE_DEADLINE_MS = 2000;
/** Codes of google.rpc.Code that say nothing against the caller. */
const ADMITTED = new Set([3, 5]);
/** Statuses of HTTP for a caller whose credential is missing or not good for the call. */
const DENIED = new Set([401, 403]);

/**
 * Asks the service whether a caller may call a method, with an empty request that has no effect. The large body of a
 * caller without a good credential is therefore neither read nor decoded.
 *
 * @throws ProblemError with the service's refusal
 */
const requireAdmission = async (
  { channel, onRefused }: BodyReader,
  { rpc }: Binding,
  request: FastifyRequest,
): Promise<void> => {
  const metadata = callMetadata(request, request.headers.authorization);
  metadata.set("x-skip-activity", "true");
  const { response } = channel.unary(rpc.path, new Uint8Array(), metadata, PROBE_DEADLINE_MS);
  await response.catch((error: unknown) => {
    if (isServiceError(error) && ADMITTED.has(error.code)) return;
    const problem = problemFrom(error);
    if (DENIED.has(problem.status)) onRefused("bound", "body_without_credential");
    throw problem;
  });
};

/**
 * Lets the service refuse a call that has no credential and needs one, so that it
 * answers, counts and records the call as it does over gRPC (D7).
 *
 * @throws ProblemError 401
 */
const requireCredential = async (
  reader: BodyReader,
  binding: Binding,
  request: FastifyRequest,
): Promise<void> => {
  const { authorization, cookie = "" } = request.headers;
  const isOpen = reader.openAccess.has(binding.rpc.access);
  if (isOpen || authorization !== undefined || cookie.includes("__Host-")) return;
  await requireAdmission(reader, binding, request);
  throw new ProblemError(401, "credentials_missing", "Authentication credentials are missing");
};

/** Reads the body piece by piece, as far as its caller may send it. */
const readBytes = async (
  reader: BodyReader,
  request: FastifyRequest,
  share: BodyShare,
): Promise<Buffer> => {
  const { raw, headers, route } = request;
  const limit = route ? reader.boundsOf(route.binding).bytes : SINGLE_BYTES;
  const announced = Number(headers["content-length"] ?? 0);
  if (announced > limit) throw tooLarge(limit);
  let isAdmitted = false;
  const admit = async (): Promise<void> => {
    if (isAdmitted || !route) return;
    isAdmitted = true;
    if (!reader.openAccess.has(route.binding.rpc.access)) {
      await requireAdmission(reader, route.binding, request);
      share.prove();
    }
  };
  if (announced > SINGLE_BYTES) await admit();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw tooLarge(limit);
    if (length > SINGLE_BYTES) await admit();
    share.take(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
};

const readText = async (
  reader: BodyReader,
  request: FastifyRequest,
  share: BodyShare,
): Promise<string> => {
  const { route } = request;
  if (route) await requireCredential(reader, route.binding, request);
  const bytes = await readBytes(reader, request, share);
  const text = decode(bytes);
  if (text === undefined) throw badRequest("The body is not valid UTF-8.");
  const excess = route && excessOf(bytes, reader.boundsOf(route.binding).elements);
  if (excess === "depth") throw beyondBound(400, "body_depth", "The body is nested too deeply.");
  if (excess === "elements")
    throw beyondBound(400, "body_elements", "The body has more elements than this call takes.");
  return text;
};

/** A connection whose request was not read to its end cannot carry another one. */
const endConnection = (request: FastifyRequest, reply: FastifyReply): void => {
  if (!request.raw.readableEnded) reply.header("connection", "close");
};

declare module "fastify" {
  interface FastifyRequest {
    /** The memory of its body; null: it has none. */
    bodyShare: BodyShare | null;
  }
}

/**
 * Takes bodies as JSON text, for the message's own parser sees what `JSON.parse`
 * hides, and refuses every other content type. A body is read only of a caller
 * that may send it, within the bounds of its method and a budget of its source,
 * and its elements are counted before anything is made of them (D8).
 *
 * @returns reads the text of a body of another content type under the same bounds,
 *   for a content-type parser of its own; rejects with a ProblemError
 */
export const installBodyReader = (
  app: FastifyInstance,
  reader: BodyReader,
): ((request: FastifyRequest) => Promise<string>) => {
  const read = async (request: FastifyRequest): Promise<string> => {
    // Nothing is unpacked here: a small body could become a large one.
    const { "content-encoding": encoding = "identity" } = request.headers;
    if (encoding.toLowerCase() !== "identity") {
      throw unsupported("Send the body without content-encoding.");
    }
    const share = reader.budget.open(sourceOfRequest(request));
    request.bodyShare = share;
    try {
      return await readText(reader, request, share);
    } catch (error) {
      share.release();
      throw error instanceof ProblemError ? error : badRequest("The body ended early.");
    }
  };
  app.removeAllContentTypeParsers();
  app.decorateRequest("bodyShare", null);
  app.addContentTypeParser("application/json", async (request: FastifyRequest) => {
    if (!UTF8_JSON.test(request.headers["content-type"] ?? "")) {
      throw unsupported("Send the body as content-type application/json, in UTF-8.");
    }
    return read(request);
  });
  app.addHook("onError", async (request, reply) => endConnection(request, reply));
  app.addHook("onResponse", async (request) => request.bodyShare?.release());
  return read;
};
