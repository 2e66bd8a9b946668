import { z } from "zod";
import type { UnreadableUser } from "../../core/users/import_users.js";
import type { ImportedUser } from "../../core/users/imported_user.js";
import { usernameIn } from "./user_fields.js";

/** A user in a realm export of Keycloak (UserRepresentation), as far as it is read. */
const USER = z.object({
  username: z.string(),
  enabled: z.boolean().default(true),
  firstName: z.string().default(""),
  lastName: z.string().default(""),
  realmRoles: z.array(z.string()).default([]),
  credentials: z.array(
    z.object({
      type: z.string().optional(),
      secretData: z.string().optional(),
      credentialData: z.string().optional(),
    }),
  ),
});

const SECRET = z.object({ value: z.string(), salt: z.string() });
const PARAMETERS = z.record(z.string(), z.array(z.string()));
const CREDENTIAL = z.object({
  hashIterations: z.number().int(),
  algorithm: z.string(),
  additionalParameters: PARAMETERS.nullish(),
});
type Credential = z.infer<typeof CREDENTIAL>;

/** PHC's names of Keycloak's algorithms. */
const PBKDF2: Readonly<Record<string, string>> = {
  pbkdf2: "pbkdf2-sha1",
  "pbkdf2-sha256": "pbkdf2-sha256",
  "pbkdf2-sha512": "pbkdf2-sha512",
};

export const isKeycloakUser = (document: object): boolean =>
  "credentials" in document && Array.isArray(document.credentials);

const unpadded = (base64: string): string => base64.replace(/=+$/, "");

/** Versions of argon2 by Keycloak's names, as PHC strings give them. */
const ARGON2_VERSIONS: Readonly<Record<string, number>> = { "1.0": 16, "1.3": 19 };

/** The start of a PHC string; undefined when a parameter is missing or unknown. */
const argon2Prefix = ({ hashIterations, additionalParameters }: Credential): string | undefined => {
  const parameter = (name: string) => additionalParameters?.[name]?.[0];
  const version = ARGON2_VERSIONS[parameter("version") ?? "1.3"];
  const [memory, lanes] = [parameter("memory"), parameter("parallelism")];
  if (version === undefined || memory === undefined || lanes === undefined) return undefined;
  return `$argon2${parameter("type") ?? "id"}$v=${version}$m=${memory},t=${hashIterations},p=${lanes}`;
};

const phcPrefix = (credential: Credential): string | undefined => {
  if (credential.algorithm === "argon2") return argon2Prefix(credential);
  const pbkdf2 = PBKDF2[credential.algorithm];
  return pbkdf2 === undefined ? undefined : `$${pbkdf2}$i=${credential.hashIterations}`;
};

/** A credential as a PHC string; undefined when it is of an algorithm that cannot be checked. */
const phcOf = (secretData: string, credentialData: string): string | undefined => {
  const secret = SECRET.parse(JSON.parse(secretData));
  const prefix = phcPrefix(CREDENTIAL.parse(JSON.parse(credentialData)));
  return prefix === undefined
    ? undefined
    : `${prefix}$${unpadded(secret.salt)}$${unpadded(secret.value)}`;
};

/** The user that an object of Keycloak's export says; a sentence when it says none. */
export const userFromKeycloak = (document: object): ImportedUser | UnreadableUser => {
  const { data: user } = USER.safeParse(document);
  if (user === undefined)
    return {
      problem: "it is not a user as Keycloak exports them",
      username: usernameIn(document),
    };
  const { username } = user;
  const { secretData, credentialData } =
    user.credentials.find(({ type = "password" }) => type === "password") ?? {};
  if (secretData === undefined || credentialData === undefined) {
    const problem = "credentials hold no password with secretData and credentialData";
    return { problem, username };
  }
  let passwordHash: string | undefined;
  try {
    passwordHash = phcOf(secretData, credentialData);
  } catch {
    const problem = "secretData or credentialData is not as Keycloak writes them";
    return { problem, username };
  }
  if (passwordHash === undefined) {
    const problem =
      "credentialData names an unknown algorithm: PBKDF2 and argon2 (1.0 and 1.3) are accepted";
    return { problem, username };
  }
  return {
    username,
    passwordHash,
    displayName: `${user.firstName} ${user.lastName}`.trim(),
    roles: user.realmRoles,
    isActive: user.enabled,
  };
};
