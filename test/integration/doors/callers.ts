import { readFile } from "node:fs/promises";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import type { Reason } from "../../../src/core/errors.js";
import { mintServiceKey, parseServiceKey } from "../../../src/crypto/service_key.js";
import { localAdmin } from "../../../src/main.js";
import { createCertificateAuthority } from "../../support/certificates.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { openSigner } from "../e2e/token_signer.js";
import { bareCall } from "./bare_call.js";
import { type Replica, startReplica } from "./replica.js";

/** A user, a service or a stranger that calls. */
export interface Caller {
  readonly name: string;
  readonly client: Client;
  readonly authorization?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The reason for which every method but the public ones refuses it; absent: the caller is authenticated. */
  readonly refused?: Reason;
  /** The access classes it is let in by, besides the public one. */
  readonly opens: readonly Access[];
}

/** A signed-in user. */
export interface Person {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** A service by key, another by client certificates, on the same stores, and everybody who might call. */
export interface Doors {
  readonly service: TestService;
  readonly replica: Replica;
  readonly callers: readonly Caller[];
  /** A plain connection to `replica`. */
  readonly client: Client;
  signUp(...roles: string[]): Promise<Person>;
  stopReplicas(): Promise<unknown>;
  stop(): Promise<void>;
}

const OF_A_SESSION = [Access.SESSION, Access.SERVICE_OR_SESSION];
const OF_A_SERVICE = [Access.SERVICE, Access.SERVICE_OR_SESSION];

const bearer = (token: string): string => `Bearer ${token}`;

export const openDoors = async (): Promise<Doors> => {
  const service = await startTestService();
  const replica = await startReplica(service);
  const authority = await createCertificateAuthority();
  const strangers = await createCertificateAuthority();
  const server = await authority.issueServer();
  const byCertificate = await startReplica(service, {
    SERVICE_AUTH: "mtls",
    TLS_CERT_FILE: server.certificateFile,
    TLS_KEY_FILE: server.keyFile,
    TLS_CLIENT_CA_FILE: authority.caFile,
  });
  const ca = await readFile(authority.caFile);
  const tls = async (issuer?: typeof authority): Promise<Client> => {
    const own = await issuer?.issueClient("billing");
    const [key, certificate] = own
      ? [await readFile(own.keyFile), await readFile(own.certificateFile)]
      : [null, null];
    return new Client(byCertificate.target, ChannelCredentials.createSsl(ca, key, certificate));
  };
  const client = new Client(replica.target, ChannelCredentials.createInsecure());
  const [billing, stranger, uncertified] = [
    await tls(authority),
    await tls(strangers),
    await tls(),
  ];

  const signUp = async (...roles: string[]): Promise<Person> => {
    const { userId, username } = await service.createUser(roles);
    const { accessToken, refreshToken, session } = await service.signIn(username);
    return { userId, username, sessionId: session?.sessionId ?? "", accessToken, refreshToken };
  };
  const signedOut = async (): Promise<string> => {
    const { accessToken } = await signUp("admin");
    await service.call(AuthServiceService.logout, { accessToken, language: "" });
    return accessToken;
  };
  const change = async (
    person: Person,
    updateMask: string[],
    values: { roles?: string[]; isActive?: boolean },
  ): Promise<string> => {
    const { userId } = person;
    const same = { userId, username: "", displayName: "", createdAt: undefined, identities: [] };
    const user = { ...same, roles: [], isActive: false, ...values };
    await service.call(UserAdminService.updateUser, { user, updateMask }, service.adminKey);
    return person.accessToken;
  };
  const deleted = async (): Promise<string> => {
    const { userId, accessToken } = await signUp("admin");
    await service.call(UserAdminService.deleteUser, { userId }, service.adminKey);
    return accessToken;
  };
  const aged = async (sql: string): Promise<string> => {
    const person = await signUp("admin");
    await service.query(`UPDATE sessions SET ${sql} WHERE session_id = $1`, [person.sessionId]);
    return person.accessToken;
  };
  const revokedKey = async (): Promise<string> => {
    const key = await service.createServiceKey("validate", "admin");
    await localAdmin.revokeServiceKey(service.settings, parseServiceKey(key)?.id ?? "");
    await waitUntil("every replica knows that the key is revoked", async () => {
      const path = "/curfew.v1.AuthService/ValidateToken";
      const call = { path, messages: [], authorization: bearer(key) };
      const answers = await Promise.all([bareCall(client, call), bareCall(billing, call)]);
      return answers.every(({ reason }) => reason === "ACCESS_TOKEN_INVALID");
    });
    return key;
  };

  const sign = await openSigner(service.databaseUrl);
  const past = Math.floor(Date.now() / 1000) - 60;
  const [ada, admin] = [await signUp(), await signUp("admin")];
  const refused = (name: string, reason: Reason, token: string): Caller => ({
    name,
    client,
    authorization: bearer(token),
    refused: reason,
    opens: [],
  });
  const nobody = (name: string, authorization?: string): Caller => ({
    name,
    client,
    ...(authorization !== undefined && { authorization }),
    refused: "CREDENTIALS_MISSING",
    opens: [],
  });
  const known = (name: string, token: string, opens: readonly Access[]): Caller => ({
    name,
    client,
    authorization: bearer(token),
    opens,
  });
  const validateKey = await service.createServiceKey("validate");

  const callers: Caller[] = [
    nobody("anonymous"),
    nobody("anonymous with a basic password", "Basic YWRtaW46cGFzc3dvcmQ="),
    nobody("anonymous with a bare token and no scheme", admin.accessToken),
    nobody("anonymous with an empty bearer", "Bearer "),
    known("a session", ada.accessToken, OF_A_SESSION),
    known("another user's session", (await signUp("clerk")).accessToken, OF_A_SESSION),
    known("an admin's session", admin.accessToken, [...OF_A_SESSION, Access.ADMIN]),
    known("a service key", validateKey, OF_A_SERVICE),
    known("a service key with the issue scope", service.issuerKey, [
      ...OF_A_SERVICE,
      Access.ISSUER,
    ]),
    known("a service key with the admin scope", service.adminKey, [...OF_A_SERVICE, Access.ADMIN]),
    known(
      "an admin who is one no more",
      await change(await signUp("admin"), ["roles"], { roles: ["clerk"] }),
      OF_A_SESSION,
    ),
    refused("a revoked service key", "ACCESS_TOKEN_INVALID", await revokedKey()),
    refused("a made-up service key", "ACCESS_TOKEN_INVALID", mintServiceKey().text),
    refused("half a service key", "ACCESS_TOKEN_INVALID", service.adminKey.slice(0, 30)),
    refused("a refresh token", "ACCESS_TOKEN_INVALID", admin.refreshToken),
    refused("an admin whose session ended", "ACCESS_TOKEN_BLACKLISTED", await signedOut()),
    refused(
      "a deactivated admin",
      "USER_INACTIVE",
      await change(await signUp("admin"), ["is_active"], { isActive: false }),
    ),
    refused("a deleted admin", "USER_INACTIVE", await deleted()),
    refused(
      "an admin by a token of another issuer",
      "ACCESS_TOKEN_INVALID",
      await sign(admin.accessToken, { iss: "https://elsewhere.example" }),
    ),
    refused(
      "an admin by a token for somebody else",
      "ACCESS_TOKEN_INVALID",
      await sign(admin.accessToken, { aud: ["elsewhere"] }),
    ),
    refused(
      "a user by a token that says admin and another's id",
      "SESSION_REVOKED_OR_INVALID",
      await sign(ada.accessToken, { sub: admin.userId, roles: ["admin"] }),
    ),
    refused(
      "an admin whose token expired",
      "ACCESS_TOKEN_EXPIRED",
      await sign(admin.accessToken, { exp: past }),
    ),
    refused(
      "an admin at the session's maximum",
      "SESSION_EXPIRED",
      await sign(admin.accessToken, { exp: past, sexp: past }),
    ),
    refused(
      "an idle admin",
      "SESSION_INACTIVITY_TIMEOUT",
      await aged("last_activity_at = last_activity_at - interval '1 day'"),
    ),
    refused(
      "two tokens in one header",
      "ACCESS_TOKEN_INVALID",
      `${ada.accessToken}, Bearer ${admin.accessToken}`,
    ),
    refused(
      "a token and a key in one header",
      "ACCESS_TOKEN_INVALID",
      `${ada.accessToken} ${service.adminKey}`,
    ),
    { name: "a client certificate", client: billing, opens: OF_A_SERVICE },
    {
      name: "a proxy's certificate on a forwarded call",
      client: billing,
      metadata: { "x-forwarded-for": "192.0.2.7" },
      refused: "CREDENTIALS_MISSING",
      opens: [],
    },
    {
      name: "a certificate of a foreign authority",
      client: stranger,
      refused: "CREDENTIALS_MISSING",
      opens: [],
    },
    {
      name: "TLS without a certificate",
      client: uncertified,
      refused: "CREDENTIALS_MISSING",
      opens: [],
    },
    {
      name: "a certificate and a session, which counts",
      client: billing,
      authorization: bearer(ada.accessToken),
      opens: OF_A_SESSION,
    },
    {
      name: "a certificate and a bad token, which counts",
      client: billing,
      authorization: bearer("forged"),
      refused: "ACCESS_TOKEN_INVALID",
      opens: [],
    },
  ];

  const stopReplicas = () => {
    for (const connection of [client, billing, stranger, uncertified]) connection.close();
    return Promise.all([replica.stop(), byCertificate.stop()]);
  };

  return {
    service,
    replica,
    callers,
    client,
    signUp,
    stopReplicas,
    async stop() {
      await stopReplicas();
      await service.stop();
    },
  };
};
