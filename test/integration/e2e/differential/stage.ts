import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { AuthServiceService } from "../../../../generated/curfew/v1/auth_service.js";
import { UserAdminService } from "../../../../generated/curfew/v1/user_admin.js";
import { mintServiceKey } from "../../../../src/crypto/service_key.js";
import {
  goodClaims,
  openProvider,
  providerKey,
  signed,
} from "../../../support/identity_provider.js";
import { makePrivateFolder } from "../../../support/private_folder.js";
import { startTestService, type TestService } from "../../../support/service.js";
import { openSigner } from "../token_signer.js";

/** A signed-in user. */
export interface Subscriber {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Values of `authorization`, and the reason for which each is refused where a session is required. */
export interface Credentials {
  readonly admin: string;
  readonly user: string;
  readonly adminKey: string;
  readonly issuerKey: string;
  readonly validateKey: string;
  readonly unknownKey: string;
  readonly expired: string;
  readonly pastMaximum: string;
  readonly signedOut: string;
  readonly idle: string;
  readonly unknownSession: string;
  readonly deactivated: string;
}

/** A service with the users that questions are about. */
export interface Stage {
  readonly service: TestService;
  readonly grpc: Client;
  readonly credentials: Credentials;
  readonly admin: Subscriber;
  readonly user: Subscriber;
  /** Was deactivated. */
  readonly inactive: Subscriber;
  /** A new user who has just signed in. */
  newcomer(): Promise<Subscriber>;
  /** One more session of the same user. */
  again(subscriber: Subscriber): Promise<Subscriber>;
  signOut(subscriber: Subscriber): Promise<Subscriber>;
  /** An ID token that was not used yet, of a new subject of the issuer that the service trusts. */
  subjectToken(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Makes a session look as if time had passed: it was not used for a day, or is at its maximum. */
  age(subscriber: Subscriber, what: "idle" | "maximum"): Promise<Subscriber>;
  stop(): Promise<void>;
}

/** `authorization` of a token or key. */
export const bearer = (token: string): string => `Bearer ${token}`;

export const openStage = async (): Promise<Stage> => {
  const providersKey = await providerKey();
  const provider = await openProvider([providersKey]);
  const issuers = join(makePrivateFolder("issuers"), "issuers.json");
  const trusted = { issuer: provider.url, audiences: ["web"] };
  writeFileSync(issuers, JSON.stringify({ issuers: [trusted] }));
  const service = await startTestService({ TRUSTED_ISSUERS_FILE: issuers });

  const again = async (
    subscriber: Pick<Subscriber, "userId" | "username">,
  ): Promise<Subscriber> => {
    const { accessToken, refreshToken, session } = await service.signIn(subscriber.username);
    const { userId, username } = subscriber;
    return { userId, username, sessionId: session?.sessionId ?? "", accessToken, refreshToken };
  };
  const signUp = async (...roles: string[]) => again(await service.createUser(roles));
  const signOut = async (subscriber: Subscriber): Promise<Subscriber> => {
    await service.call(AuthServiceService.logout, {
      accessToken: subscriber.accessToken,
      language: "",
    });
    return subscriber;
  };
  const age = async (subscriber: Subscriber, what: "idle" | "maximum"): Promise<Subscriber> => {
    const change =
      what === "idle"
        ? "last_activity_at = last_activity_at - interval '1 day'"
        : "expires_at = now() - interval '1 second'";
    await service.query(`UPDATE sessions SET ${change} WHERE session_id = $1`, [
      subscriber.sessionId,
    ]);
    return subscriber;
  };
  const deactivate = async (subscriber: Subscriber): Promise<Subscriber> => {
    const { userId } = subscriber;
    const user = {
      userId,
      username: "",
      displayName: "",
      roles: [],
      isActive: false,
      createdAt: undefined,
      identities: [],
    };
    const request = { user, updateMask: ["is_active"] };
    await service.call(UserAdminService.updateUser, request, service.adminKey);
    return subscriber;
  };

  const [admin, user] = [await signUp("admin"), await signUp()];
  const inactive = await deactivate(await signUp());
  const change = await openSigner(service.databaseUrl);
  const past = Math.floor(Date.now() / 1000) - 60;
  const grpc = new Client(service.target, credentials.createInsecure());
  const of = (subscriber: Subscriber): string => bearer(subscriber.accessToken);
  return {
    service,
    grpc,
    credentials: {
      admin: of(admin),
      user: of(user),
      adminKey: bearer(service.adminKey),
      issuerKey: bearer(service.issuerKey),
      validateKey: bearer(await service.createServiceKey("validate")),
      unknownKey: bearer(mintServiceKey().text),
      expired: bearer(await change(user.accessToken, { exp: past })),
      pastMaximum: bearer(await change(user.accessToken, { exp: past, sexp: past })),
      signedOut: of(await signOut(await signUp())),
      idle: of(await age(await signUp(), "idle")),
      unknownSession: bearer(await change(user.accessToken, { sid: randomUUID() })),
      deactivated: of(inactive),
    },
    admin,
    user,
    inactive,
    newcomer: signUp,
    again,
    signOut,
    subjectToken: (claims = {}) => {
      const fresh = { sub: randomUUID(), jti: randomUUID(), ...claims };
      return signed(providersKey, goodClaims(provider.url, fresh, Date.now()));
    },
    age,
    async stop() {
      grpc.close();
      await service.stop();
      await provider.close();
    },
  };
};
