import type { FileRegistry } from "@bufbuild/protobuf";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import { REASONS, type Reason } from "../../core/errors.js";
import type { Rpc } from "../binding.js";
import { isReason } from "../localize.js";
import type { CommentReader } from "./comments.js";
import type { Schema } from "./schema.js";

const PREFIX = "ERROR_REASON_";

const EVERY_CALL: readonly Reason[] = [
  "INVALID_ARGUMENT",
  "DEPENDENCY_UNAVAILABLE",
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
  "INTERNAL",
];

/** The possible verdicts on an access token, and the reason for a missing one. */
const SESSION_REASONS: readonly Reason[] = [
  "CREDENTIALS_MISSING",
  "ACCESS_TOKEN_INVALID",
  "ACCESS_TOKEN_EXPIRED",
  "ACCESS_TOKEN_BLACKLISTED",
  "SESSION_EXPIRED",
  "SESSION_INACTIVITY_TIMEOUT",
  "SESSION_REVOKED_OR_INVALID",
  "USER_INACTIVE",
];

const BY_ACCESS: Readonly<Partial<Record<Access, readonly Reason[]>>> = {
  [Access.SESSION]: SESSION_REASONS,
  [Access.SERVICE]: ["CREDENTIALS_MISSING", "PERMISSION_DENIED"],
  [Access.ISSUER]: ["CREDENTIALS_MISSING", "ACCESS_TOKEN_INVALID", "PERMISSION_DENIED"],
  [Access.SERVICE_OR_SESSION]: [...SESSION_REASONS, "PERMISSION_DENIED"],
  [Access.ADMIN]: [...SESSION_REASONS, "PERMISSION_DENIED"],
};

/** Every reason a method can fail for: those of its access class and those its comment names. */
export const reasonsOf = ({ method, access }: Rpc, commentOf: CommentReader): Reason[] => {
  const words: readonly string[] = commentOf(method).match(/\b[A-Z][A-Z_]+[A-Z]\b/g) ?? [];
  const named = words.filter(isReason);
  return [...new Set([...named, ...(BY_ACCESS[access] ?? []), ...EVERY_CALL])];
};

/** What each reason means, by the comments of `curfew.v1.ErrorReason`. */
export const reasonTexts = (
  registry: FileRegistry,
  commentOf: CommentReader,
): ReadonlyMap<string, string> => {
  const values = registry.getEnum("curfew.v1.ErrorReason")?.values ?? [];
  return new Map(
    values.map((value) => [
      value.name.replace(PREFIX, ""),
      commentOf(value).replace(/^[A-Z_]+: /, ""),
    ]),
  );
};

/** Schema of a problem body. */
export const PROBLEM_SCHEMA: Schema = {
  description: "A failure (RFC 9457).",
  type: "object",
  required: ["type", "title", "status", "detail", "code", "request_id"],
  properties: {
    type: { type: "string" },
    title: { type: "string", description: "Phrase of the HTTP status." },
    status: { type: "integer" },
    detail: { type: "string", description: "For people, in the caller's language." },
    code: { type: "string", description: "For programs: the reason in lower case." },
    request_id: { type: "string", description: "Finds the call in the logs." },
    metadata: { type: "object", additionalProperties: { type: "string" } },
    violations: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "description"],
        properties: { field: { type: "string" }, description: { type: "string" } },
      },
    },
  },
};

const problemContent = (codes: readonly string[]): Schema => ({
  "application/problem+json": {
    schema: {
      allOf: [
        { $ref: "#/components/schemas/Problem" },
        { type: "object", properties: { code: { enum: codes } } },
      ],
    },
  },
});

const headersOf = (status: number): Schema => {
  if (status === 401) return { "WWW-Authenticate": { schema: { type: "string" } } };
  if (status !== 429 && status !== 503) return {};
  return { "Retry-After": { description: "Seconds.", schema: { type: "integer" } } };
};

/** Problem responses by HTTP status, each with the codes it can carry. */
export const problemResponses = (
  reasons: readonly Reason[],
  texts: ReadonlyMap<string, string>,
): { [status: string]: Schema } => {
  const byStatus = new Map<number, Reason[]>();
  for (const reason of reasons) {
    const { http } = REASONS[reason];
    byStatus.set(http, [...(byStatus.get(http) ?? []), reason]);
  }
  const responses: { [status: string]: Schema } = {};
  for (const [status, group] of byStatus) {
    const codes = group.map((reason) => reason.toLowerCase());
    const lines = group.map(
      (reason) => `- \`${reason.toLowerCase()}\`: ${texts.get(reason) ?? ""}`,
    );
    responses[status] = {
      description: lines.join("\n"),
      headers: headersOf(status),
      content: problemContent(codes),
    };
  }
  return responses;
};

/** Responses to bodies that are refused before they are read. */
export const bodyResponses = (): { [status: string]: Schema } => ({
  413: { description: "The body is too large.", content: problemContent(["invalid_argument"]) },
  415: {
    description: "The body is not `application/json` in UTF-8.",
    content: problemContent(["invalid_argument"]),
  },
});
