/** Where the guide's client keeps its tokens: `localStorage`, or what stands in for it. */
export type TokenStore = Map<string, string>;

/** Body of an answer. */
export type Json = Readonly<Record<string, unknown>>;

/** The functions of the guide's SessionManager, for any API base and plain `fetch`. */
export interface GuideClient {
  readonly stored: TokenStore;
  login(username: string, password: string): Promise<void>;
  /** Signs out and throws when it is refused. */
  refreshTokens(): Promise<void>;
  logout(): Promise<void>;
  /** Refreshes and repeats once after a 401; when that fails, signs out and throws. */
  apiRequest(url: string, options?: RequestInit): Promise<Response>;
}

/**
 * A client that knows of Curfew only the contents of the API integration guide: three POST routes with JSON,
 * `Authorization: Bearer`, and 401 as the sign to refresh.
 *
 * @param apiBaseUrl for example `http://localhost:8000` or `…/api/v1`
 * @param language the beginning of a browser's `navigator.language`
 */
export const createGuideClient = (apiBaseUrl: string, language = "en"): GuideClient => {
  const stored: TokenStore = new Map();
  const bearer = () => `Bearer ${stored.get("access_token")}`;

  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${apiBaseUrl}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const keep = async (response: Response): Promise<void> => {
    const body = (await response.json()) as { access_token: string; refresh_token: string };
    stored.set("access_token", body.access_token);
    stored.set("refresh_token", body.refresh_token);
  };
  const send = (url: string, options: RequestInit): Promise<Response> =>
    fetch(url, {
      ...options,
      headers: { ...(options.headers as Record<string, string>), Authorization: bearer() },
    });

  const client: GuideClient = {
    stored,
    async login(username, password) {
      const response = await post("/auth/login", { username, password });
      if (!response.ok) throw new Error("the login failed");
      await keep(response);
    },
    async refreshTokens() {
      const body = { refresh_token: stored.get("refresh_token"), language };
      const response = await post("/auth/refresh", body);
      if (!response.ok) {
        await client.logout();
        throw new Error("the refresh failed");
      }
      await keep(response);
    },
    async logout() {
      const accessToken = stored.get("access_token");
      if (accessToken !== undefined) {
        const body = { access_token: accessToken, language };
        await post("/auth/logout", body, { Authorization: bearer() }).catch(() => undefined);
      }
      stored.clear();
    },
    async apiRequest(url, options = {}) {
      const response = await send(url, options);
      if (response.status !== 401) return response;
      try {
        await client.refreshTokens();
        return await send(url, options);
      } catch (error) {
        await client.logout();
        throw error;
      }
    },
  };
  return client;
};
