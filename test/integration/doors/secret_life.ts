import { randomBytes, randomUUID } from "node:crypto";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { expect } from "vitest";
import { openSecret } from "../../../src/crypto/keys/sealed_secret.js";
import { mintServiceKey } from "../../../src/crypto/service_key.js";
import type { TestService } from "../../support/service.js";
import { type BareAnswer, bareCall } from "./bare_call.js";
import { encodeRequest, METHODS } from "./methods.js";
import type { Replica } from "./replica.js";

/** Text that breaks out of lines, terminals, JSON and SQL. */
const HOSTILE = '\u001b[31m\r\n{"level":"fatal"}\u2028\u0085\u202e";--\t\u0007%s%n';

/** A secret as it may be written down. */
const writings = (secret: string): string[] => {
  const bytes = Buffer.from(secret, "latin1");
  const encoded = (["base64", "base64url", "hex"] as const).map((form) =>
    bytes.toString(form).replace(/=+$/, ""),
  );
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...encoded];
};

/** The traces of a life with secrets. */
export interface SecretLife {
  /** Every secret that must not be found, by its kind. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly answers: readonly { readonly path: string; readonly answer: BareAnswer }[];
  /** What each of the secrets is that stands in a text, however it is encoded. */
  foundIn(haystack: string): string[];
}

/** Makes something of everything happen to a replica, also what goes wrong, and keeps every secret that was in it. */
export const liveWithSecrets = async (
  service: TestService,
  replica: Replica,
  keyEncryptionKey: Buffer,
): Promise<SecretLife> => {
  const client = new Client(replica.target, ChannelCredentials.createInsecure());
  const secrets = new Map<string, string>();
  const answers: { readonly path: string; readonly answer: BareAnswer }[] = [];

  const keep = (what: string, secret: string): string => {
    secrets.set(`${what} ${secrets.size}`, secret);
    return secret;
  };
  const newPassword = (): string =>
    keep("password", `pass ${randomBytes(12).toString("hex")} phrase`);

  /** Calls a method by name with fields by name, and keeps the answer. */
  const call = async (
    name: string,
    values: Readonly<Record<string, unknown>> = {},
    authorization?: string,
  ): Promise<BareAnswer> => {
    const method = METHODS.find((one) => one.name === name);
    if (method === undefined) throw new Error(`there is no ${name}`);
    const message = encodeRequest(method.input, (field) => values[field.name]);
    for (let attempt = 1; ; attempt++) {
      const answer = await bareCall(client, {
        path: method.path,
        messages: [message],
        authorization,
        // What logs make of it is part of the test.
        metadata: { "user-agent": "curfew-test", "x-request-id": `req-${randomUUID()}` },
        deadlineMs: method.rule.streaming ? 3000 : 20_000,
      });
      answers.push({ path: method.path, answer });
      // On a busy machine a store may be too slow. A call that was refused for this reason had no effect.
      if (answer.reason !== "DEPENDENCY_UNAVAILABLE" || attempt === 5) return answer;
    }
  };

  /** The tokens in an answer of Login or RefreshTokens. */
  const tokensIn = ({ messages }: BareAnswer): { access: string; refresh: string } => {
    const text = Buffer.concat(messages).toString("latin1");
    const access = /eyJ[\w-]+\.[\w-]+\.[\w-]+/.exec(text)?.[0];
    const refresh = /cfr_[\w-]{76}/.exec(text)?.[0];
    if (access === undefined || refresh === undefined) throw new Error("no tokens were issued");
    keep("signature of an access token", access.split(".")[2] ?? "");
    return { access: keep("access token", access), refresh: keep("refresh token", refresh) };
  };

  const keepSigningKeys = async (): Promise<void> => {
    const rows = await service.query<{ kid: string; secret: Buffer }>(
      "SELECT kid, secret FROM keys",
    );
    for (const { kid, secret } of rows) {
      const opened = openSecret(kid, secret, keyEncryptionKey);
      keep("stored key", opened.toString("latin1"));
      const d = /"d":"([\w-]+)"/.exec(opened.toString())?.[1];
      if (d !== undefined) keep("private key", d);
    }
  };

  /** Something of everything, also of what goes wrong. */
  const liveThroughEverything = async (): Promise<void> => {
    const admin = `Bearer ${keep("service key", service.adminKey)}`;
    const [first, second, third] = [newPassword(), newPassword(), newPassword()];
    const username = `user-${randomUUID()}`;
    const made = await call(
      "UserAdmin.CreateUser",
      { username, password: first, roles: "admin", display_name: HOSTILE },
      admin,
    );
    const userId = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(
      Buffer.concat(made.messages).toString("latin1"),
    )?.[0];
    await call("AuthService.Login", { username, password: newPassword() });
    // People type their password into the field of the name.
    await call("AuthService.Login", { username: newPassword(), password: newPassword() });
    await call("AuthService.Login", {
      username: HOSTILE,
      password: newPassword(),
      language: "xx",
      device_name: HOSTILE,
    });
    const login = () =>
      call("AuthService.Login", { username, password: first, device_name: HOSTILE });
    const [one, two] = [tokensIn(await login()), tokensIn(await login())];
    const bearer = `Bearer ${one.access}`;
    for (const token of [one.access, `${one.access}x`, "eyJhbGciOiJub25lIn0.e30."]) {
      await call("AuthService.ValidateToken", { access_token: token }, admin);
      await call("AuthService.ValidateTokens", { access_token: token }, admin);
      await call(
        "AuthService.StreamValidateTokens",
        { access_token: token, request_id: HOSTILE },
        admin,
      );
      await call("SessionAdmin.ExplainToken", { access_token: token }, admin);
      await call("AuthService.GetProfile", {}, `Bearer ${token}`);
    }
    const next = tokensIn(await call("AuthService.RefreshTokens", { refresh_token: two.refresh }));
    tokensIn(await call("AuthService.RefreshTokens", { refresh_token: next.refresh }));
    await call("AuthService.RefreshTokens", { refresh_token: two.refresh });
    await call("AuthService.RefreshTokens", {
      refresh_token: keep("made-up token", `cfr_${randomBytes(57).toString("base64url")}`),
    });
    await call(
      "AuthService.GetProfile",
      {},
      `Bearer ${keep("made-up key", mintServiceKey().text)}`,
    );
    await call(
      "AuthService.GetProfile",
      {},
      `Basic ${keep("basic credentials", Buffer.from(`${username}:${second}`).toString("base64"))}`,
    );
    await call(
      "AuthService.ChangePassword",
      { current_password: newPassword(), new_password: second },
      bearer,
    );
    await call(
      "AuthService.ChangePassword",
      { current_password: first, new_password: second },
      bearer,
    );
    await call(
      "AuthService.ChangePassword",
      { current_password: second, new_password: keep("short password", "sh0rt!pw#9") },
      bearer,
    );
    for (const { name, rule } of METHODS) {
      // The other methods are called with every field filled that could be written somewhere.
      if (/Login|Delete|RevokeSessions|Password|Update/.test(name) || rule.path === "") continue;
      const values = {
        user_id: userId,
        note: HOSTILE,
        access_token: one.access,
        refresh_token: "x",
        page_token: HOSTILE,
        username: HOSTILE,
        password: newPassword(),
        ip: HOSTILE,
      };
      await call(name, values, admin);
      await call(name, values, bearer);
    }
    await call("UserAdmin.SetPassword", { user_id: userId, password: third }, admin);
    await overRest(username, third);
  };

  const overRest = async (username: string, password: string): Promise<void> => {
    const post = (path: string, body: string, headers: Record<string, string> = {}) =>
      fetch(replica.origin + path, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", "user-agent": "rest", ...headers },
      });
    const good = JSON.stringify({ username, password });
    const inCookies = await post("/auth/login", good, { "x-session-mode": "cookie" });
    expect(inCookies.status).toBe(200);
    const cookies = inCookies.headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? "");
    for (const cookie of cookies.filter((text) => !text.includes("csrf")))
      keep("cookie", cookie.slice(cookie.indexOf("=") + 1));
    const cookie = cookies.join("; ");
    await fetch(
      `${replica.origin}/auth/profile?access_token=${keep("token in a URL", `eyJ${randomBytes(40).toString("base64url")}`)}`,
      { headers: { cookie } },
    );
    await post("/auth/logout", "{}", { cookie });
    const broken = [
      good.slice(0, -2),
      `${good}}`,
      `{"username":{"password":"${newPassword()}"}}`,
      `{"pass word":"${newPassword()}"}`,
    ];
    for (const body of broken) await post("/auth/login", body);
    await post(`/auth/login?password=${encodeURIComponent(newPassword())}`, "{}");
    await post("/auth/login", `username=x&password=${encodeURIComponent(newPassword())}`, {
      "content-type": "application/x-www-form-urlencoded",
    });
  };

  keep("encryption key", keyEncryptionKey.toString("base64"));
  keep("database password", new URL(service.databaseUrl).password);
  await liveThroughEverything();
  await keepSigningKeys();
  client.close();
  return {
    secrets,
    answers,
    foundIn: (haystack) =>
      [...secrets].flatMap(([what, secret]) =>
        writings(secret).some((text) => haystack.includes(text)) ? [what] : [],
      ),
  };
};
