import type { LightMyRequestResponse } from "fastify";
import type { Fixture } from "./fixture.js";

/** An answer that has not reached the browser yet. */
export interface Underway {
  readonly answer: LightMyRequestResponse;
  /** The browser takes its cookies over. */
  arrive(): void;
}

/** A browser's cookies for the gateway, and requests whose answers may arrive in any order. */
export const openCookieBrowser = (fixture: Fixture) => {
  const jar = new Map<string, string>();
  const start = async (
    method: "GET" | "POST",
    url: string,
    headers: Record<string, string> = {},
  ): Promise<Underway> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const csrf = jar.get("__Host-csrf");
    const answer = await fixture.gateway.inject({
      method,
      url,
      headers: {
        "x-session-mode": "cookie",
        ...(cookie && { cookie }),
        ...(csrf && { "x-csrf-token": csrf }),
        ...(method === "POST" && { "content-type": "application/json" }),
        ...headers,
      },
      ...(method === "POST" && {
        payload: url.endsWith("login") ? '{"username":"a","password":"p"}' : "{}",
      }),
    });
    return {
      answer,
      arrive() {
        for (const { name, value, maxAge } of answer.cookies) {
          if (maxAge === 0) jar.delete(name);
          else jar.set(name, value);
        }
      },
    };
  };
  return {
    jar,
    start,
    /** Sends a request whose answer arrives at once. */
    async send(...request: Parameters<typeof start>): Promise<LightMyRequestResponse> {
      const { answer, arrive } = await start(...request);
      arrive();
      return answer;
    },
  };
};
