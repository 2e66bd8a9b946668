import { z } from "zod";
import type { ImportRow, UnreadableUser } from "../../core/users/import_users.js";
import type { ImportedUser } from "../../core/users/imported_user.js";
import { isKeycloakUser, userFromKeycloak } from "./keycloak_user.js";
import { MAX_LETTERS, textLines } from "./text_lines.js";
import { isUserField, unknownField, usernameIn } from "./user_fields.js";

type Outcome = ImportedUser | UnreadableUser;

const NAMED = z.object({
  username: z.string(),
  password_hash: z.string(),
  display_name: z.string().default(""),
  roles: z.array(z.string()).default([]),
  is_active: z.boolean().default(true),
});

const KINDS: Readonly<Record<keyof typeof NAMED.shape, string>> = {
  username: "a text",
  password_hash: "a text",
  display_name: "a text",
  roles: "a list of texts",
  is_active: "true or false",
};

const userFromNames = (document: object, ignoreUnknown: boolean): Outcome => {
  const unknown = Object.keys(document).find((name) => !isUserField(name));
  const username = usernameIn(document);
  if (unknown !== undefined && !ignoreUnknown) return { problem: unknownField(unknown), username };
  const { data, error } = NAMED.safeParse(document);
  if (error === undefined) {
    return {
      username: data.username,
      passwordHash: data.password_hash,
      displayName: data.display_name,
      roles: data.roles,
      isActive: data.is_active,
    };
  }
  const name = String(error.issues[0]?.path[0]) as keyof typeof KINDS;
  return { problem: `${name} must be ${KINDS[name]}`, username };
};

const readUser = (text: string, ignoreUnknown: boolean): Outcome => {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { problem: "it is not JSON: each line is an object of its own" };
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    return { problem: "it is not a JSON object" };
  }
  return isKeycloakUser(document)
    ? userFromKeycloak(document)
    : userFromNames(document, ignoreUnknown);
};

/** Users from JSON lines: an object with the names of the proto, or a user of Keycloak's export, a line. */
export async function* jsonRows(
  input: AsyncIterable<Buffer | string>,
  { ignoreUnknown }: { readonly ignoreUnknown: boolean },
): AsyncGenerator<ImportRow, void> {
  for await (const { line, bytesRead, text } of textLines(input)) {
    const user =
      text === undefined
        ? { problem: `it is longer than ${MAX_LETTERS} characters` }
        : text.replace(/^\uFEFF/, "").trim();
    if (user === "") continue;
    const outcome = typeof user === "string" ? readUser(user, ignoreUnknown) : user;
    yield { line, bytesRead, user: outcome };
  }
}
