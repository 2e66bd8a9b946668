/** A `fetch` that keeps cookies as a browser does for one host, and the jar to look into. */
export function createCookieJar() {
  const jar = new Map<string, string>();
  return {
    jar,
    async fetch(input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> {
      const headers = new Headers(init.headers);
      if (init.credentials !== "omit" && jar.size > 0) {
        headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
      }
      const response = await fetch(input, { ...init, headers });
      for (const line of response.headers.getSetCookie()) {
        const [pair = ""] = line.split(";");
        const separator = pair.indexOf("=");
        const name = pair.slice(0, separator);
        if (line.includes("Max-Age=0")) jar.delete(name);
        else jar.set(name, pair.slice(separator + 1));
      }
      return response;
    },
  };
}
