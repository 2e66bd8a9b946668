import { z } from "zod";
import type { ImportedUser } from "../../core/imported_user.js";

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
const CREDENTIAL = z.object({
  hashIterations: z.number().int(),
  algorithm: z.string(),
  additionalParameters: z.record(z.string(), z.array(z.string())).default({}),
});

/** PHC's names of Keycloak's algorithms. */
const PBKDF2: Readonly<Record<string, string>> = {
  pbkdf2: "pbkdf2-sha1",
  "pbkdf2-sha256": "pbkdf2-sha256",
  "pbkdf2-sha512": "pbkdf2-sha512",
};

export const isKeycloakUser = (document: object): boolean =>
  "credentials" in document && Array.isArray(document.credentials);

const unpadded = (base64: string): string => base64.replace(/=+$/, "");

/** A credential as a PHC string; undefined when it is of an algorithm that cannot be checked. */
const phcOf = (secretData: string, credentialData: string): string | undefined => {
  const secret = SECRET.parse(JSON.parse(secretData));
  const how = CREDENTIAL.parse(JSON.parse(credentialData));
  const [salt, hash] = [unpadded(secret.salt), unpadded(secret.value)];
  const pbkdf2 = PBKDF2[how.algorithm];
  if (pbkdf2 !== undefined) return `$${pbkdf2}$i=${how.hashIterations}$${salt}$${hash}`;
  if (how.algorithm !== "argon2") return undefined;
  const { memory, parallelism, type } = how.additionalParameters;
  return `$argon2${type?.[0] ?? "id"}$v=19$m=${memory?.[0]},t=${how.hashIterations},p=${parallelism?.[0]}$${salt}$${hash}`;
};

/** The user that an object of Keycloak's export says; a sentence when it says none. */
export const userFromKeycloak = (document: object): ImportedUser | { readonly problem: string } => {
  const { data: user } = USER.safeParse(document);
  if (user === undefined) return { problem: "it is not a user as Keycloak exports them" };
  const { secretData, credentialData } =
    user.credentials.find(({ type = "password" }) => type === "password") ?? {};
  if (secretData === undefined || credentialData === undefined) {
    return { problem: "credentials hold no password with secretData and credentialData" };
  }
  let passwordHash: string | undefined;
  try {
    passwordHash = phcOf(secretData, credentialData);
  } catch {
    return { problem: "secretData or credentialData is not as Keycloak writes them" };
  }
  if (passwordHash === undefined) return { problem: "credentialData names an unknown algorithm" };
  return {
    username: user.username,
    passwordHash,
    displayName: `${user.firstName} ${user.lastName}`.trim(),
    roles: user.realmRoles,
    isActive: user.enabled,
  };
};
