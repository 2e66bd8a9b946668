import type { LightMyRequestResponse } from "fastify";

/** The answer of a login or refresh, as the service gives it. */
export interface IssuedTokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** The methods that a gateway of 0.1 called on the service behind it. */
export interface ServiceBehind {
  login(): IssuedTokens;
  refresh(refreshToken: string): IssuedTokens;
  logout(accessToken: string): void;
}

/**
 * The cookie mode of 0.1.0: its gateway knows three cookies, and takes every
 * other one for a stranger's. It sets all three after a login or refresh, and
 * clears the three after a logout; the `Clear-Site-Data: "cookies"` that came
 * with it reaches the others too, in browsers that honour it.
 */
export const createGatewayOf01 = (
  service: ServiceBehind,
  jar: Map<string, string>,
  honoursClearSiteData: boolean,
) => {
  const keep = ({ access_token, refresh_token }: IssuedTokens, csrf: string) => {
    jar.set("__Host-access", access_token);
    jar.set("__Host-refresh", refresh_token);
    jar.set("__Host-csrf", csrf);
  };
  return {
    login: () => keep(service.login(), `csrf-${jar.size}-of-0.1`),
    refresh() {
      const token = jar.get("__Host-refresh");
      if (token === undefined) throw new Error("0.1 found no cookie to refresh with");
      keep(service.refresh(token), jar.get("__Host-csrf") ?? "csrf-of-0.1");
    },
    logout() {
      const token = jar.get("__Host-access");
      if (token === undefined) throw new Error("0.1 found no cookie to sign out with");
      service.logout(token);
      if (honoursClearSiteData) jar.clear();
      else for (const name of ["access", "refresh", "csrf"]) jar.delete(`__Host-${name}`);
    },
    /** The access token that 0.1 takes for the caller's. */
    access: () => jar.get("__Host-access"),
  };
};

/** The status of an answer with what went wrong, for messages of a test. */
export const described = (answer: LightMyRequestResponse): string =>
  `${answer.statusCode} ${answer.statusCode === 200 ? "" : answer.body}`.trim();
