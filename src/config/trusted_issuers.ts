import { readFileSync } from "node:fs";
import { z } from "zod";
import { parseStrictJsonObject } from "../access_token/strict_json.js";
import { SUBJECT_TOKEN_ALGORITHMS, type TrustedIssuer } from "../core/exchange/trusted_issuer.js";

const MAX_FILE_BYTES = 1_048_576;

const name = (kind: string) =>
  z.string(`must be ${kind}`).regex(/^\P{Cc}{1,255}$/u, `must be ${kind}`);

/** A list of different names, at least one. */
const names = (kind: string) =>
  z
    .array(name(kind), `must be a list`)
    .min(1, "must name at least one")
    .refine((list) => new Set(list).size === list.length, "names one twice");

/** A URL as an issuer writes its own (OpenID Connect Discovery 1.0, section 3). Plain http is judged later. */
const address = (isIssuer: boolean) =>
  z.string("must be a URL").refine(
    (text) => {
      if (!/^https?:\/\/\P{Cc}+$/u.test(text) || /\s/.test(text) || !URL.canParse(text))
        return false;
      const { username, password, hash, search } = new URL(text);
      return username === "" && password === "" && hash === "" && !(isIssuer && search !== "");
    },
    `must be an https URL without credentials${isIssuer ? ", query" : ""} and fragment`,
  );

const algorithms = z
  .array(
    z.enum(
      SUBJECT_TOKEN_ALGORITHMS,
      `must be a public-key algorithm: one of ${SUBJECT_TOKEN_ALGORITHMS.join(", ")}`,
    ),
    "must be a list",
  )
  .min(1, "must name at least one")
  .refine((list) => new Set(list).size === list.length, "names one twice");

const claim = () => name("the name of a claim");

const issuer = z
  .strictObject({
    issuer: address(true),
    audiences: names("an audience"),
    jwks_uri: address(false).optional(),
    algorithms: algorithms.default([...SUBJECT_TOKEN_ALGORITHMS]),
    claims: z
      .strictObject({
        username: claim().optional(),
        display_name: claim().default("name"),
        roles: claim().optional(),
        acr: claim().default("acr"),
        amr: claim().default("amr"),
      })
      .prefault({}),
    create_users: z.boolean("must be true or false").default(true),
    client_ids: names("a client_id").optional(),
  })
  .transform(
    ({ jwks_uri, create_users, client_ids, claims, ...given }): TrustedIssuer => ({
      ...given,
      jwksUri: jwks_uri,
      createUsers: create_users,
      clientIds: client_ids,
      claims: {
        username: claims.username,
        displayName: claims.display_name,
        roles: claims.roles,
        acr: claims.acr,
        amr: claims.amr,
      },
    }),
  );

const document = z.strictObject({
  issuers: z
    .array(issuer, "must be a list")
    .min(1, "must name at least one")
    .refine(
      (list) => new Set(list.map((one) => one.issuer)).size === list.length,
      "has one issuer twice",
    ),
});

/** `issuers[0].claims.roles` */
const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");

const problemOf = ({ path, message, ...issue }: z.core.$ZodIssue): string => {
  const where = pathOf(path);
  if (issue.code === "unrecognized_keys")
    return `${where || "the document"} has unknown members: ${issue.keys.join(", ")}`;
  const isMissing = issue.code === "invalid_type" && issue.input === undefined;
  return `${where} ${isMissing ? "is missing" : message}`;
};

/** Describes the error of a document that is not a JSON object. */
const syntaxProblem = (bytes: Uint8Array): string => {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return "must be one JSON object that names no member twice";
  } catch (error) {
    return `must be JSON in UTF-8 (${error instanceof Error ? error.message : String(error)})`;
  }
};

/** The path of a file of trusted issuers; the value is what the file says. */
export const trustedIssuersFile = () =>
  z
    .string()
    .transform((path, context): readonly TrustedIssuer[] => {
      const problem = (message: string) => {
        context.addIssue({ code: "custom", message });
        return z.NEVER;
      };
      let bytes: Uint8Array;
      try {
        bytes = readFileSync(path);
      } catch {
        return problem("must be the path of a file that this process can read");
      }
      if (bytes.length > MAX_FILE_BYTES)
        return problem(`must have at most ${MAX_FILE_BYTES} bytes`);
      const given = parseStrictJsonObject(bytes);
      if (given === undefined) return problem(syntaxProblem(bytes));
      const outcome = document.safeParse(given, { reportInput: true });
      if (outcome.success) return outcome.data.issuers;
      for (const issue of outcome.error.issues) problem(problemOf(issue));
      return z.NEVER;
    })
    .describe("the path of a JSON file");
