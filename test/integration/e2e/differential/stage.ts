import { randomUUID } from "node:crypto";
import { Client, credentials } from "@grpc/grpc-js";
import { AuthServiceService } from "../../../../generated/curfew/v1/auth_service.js";
import { UserAdminService } from "../../../../generated/curfew/v1/user_admin.js";
import { mintServiceKey } from "../../../../src/crypto/service_key.js";
import { startTestService, type TestService } from "../../../support/service.js";
import { openSigner } from "../token_signer.js";

/** Somebody who has signed in. */
export interface Guest {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Values of `authorization`, and what each is refused for where a session is asked for. */
export interface Credentials {
  readonly admin: string;
  readonly user: string;
  readonly adminKey: string;
  readonly validateKey: string;
  readonly unknownKey: string;
  readonly expired: string;
  readonly pastMaximum: string;
  readonly signedOut: string;
  readonly idle: string;
  readonly unknownSession: string;
  readonly deactivated: string;
}

/** A service with people in it, whom questions are about. */
export interface Stage {
  readonly service: TestService;
  readonly grpc: Client;
  readonly credentials: Credentials;
  readonly admin: Guest;
  readonly user: Guest;
  /** Was deactivated. */
  readonly inactive: Guest;
  /** A new user who has just signed in. */
  newcomer(): Promise<Guest>;
  /** One more session of the same user. */
  again(guest: Guest): Promise<Guest>;
  signOut(guest: Guest): Promise<Guest>;
  /** Makes a session look as if time had passed: it was not used for a day, or is at its maximum. */
  age(guest: Guest, what: "idle" | "maximum"): Promise<Guest>;
  stop(): Promise<void>;
}

/** `authorization` of a token or key. */
export const bearer = (token: string): string => `Bearer ${token}`;

export const openStage = async (): Promise<Stage> => {
  const service = await startTestService();

  const again = async (guest: Pick<Guest, "userId" | "username">): Promise<Guest> => {
    const { accessToken, refreshToken, session } = await service.signIn(guest.username);
    const { userId, username } = guest;
    return { userId, username, sessionId: session?.sessionId ?? "", accessToken, refreshToken };
  };
  const signUp = async (...roles: string[]) => again(await service.createUser(roles));
  const signOut = async (guest: Guest): Promise<Guest> => {
    await service.call(AuthServiceService.logout, {
      accessToken: guest.accessToken,
      language: "",
    });
    return guest;
  };
  const age = async (guest: Guest, what: "idle" | "maximum"): Promise<Guest> => {
    const change =
      what === "idle"
        ? "last_activity_at = last_activity_at - interval '1 day'"
        : "expires_at = now() - interval '1 second'";
    await service.query(`UPDATE sessions SET ${change} WHERE session_id = $1`, [guest.sessionId]);
    return guest;
  };
  const deactivate = async (guest: Guest): Promise<Guest> => {
    const { userId } = guest;
    const user = {
      userId,
      username: "",
      displayName: "",
      roles: [],
      isActive: false,
      createdAt: undefined,
    };
    const request = { user, updateMask: ["is_active"] };
    await service.call(UserAdminService.updateUser, request, service.adminKey);
    return guest;
  };

  const [admin, user] = [await signUp("admin"), await signUp()];
  const inactive = await deactivate(await signUp());
  const change = await openSigner(service.databaseUrl);
  const past = Math.floor(Date.now() / 1000) - 60;
  const grpc = new Client(service.target, credentials.createInsecure());
  const of = (guest: Guest): string => bearer(guest.accessToken);
  return {
    service,
    grpc,
    credentials: {
      admin: of(admin),
      user: of(user),
      adminKey: bearer(service.adminKey),
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
    age,
    async stop() {
      grpc.close();
      await service.stop();
    },
  };
};
