import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CSRF_COOKIE } from "./cookies.js";
import { contentTypeOf, type PageFile } from "./pages.js";

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Curfew API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** Swagger UI puts a service's description beside its name, which a phone has no room for. */
const STYLE = `body {
  margin: 0;
}

@media (max-width: 40rem) {
  .swagger-ui .opblock-tag {
    flex-wrap: wrap;
  }
  .swagger-ui .opblock-tag small {
    flex: 1 0 100%;
    padding: 0;
  }
  .swagger-ui .opblock .opblock-summary-description {
    display: none;
  }
}
`;

/** Starts Swagger UI in the browser's light or dark scheme, and repeats the CSRF cookie so that calls work in cookie mode too. */
const START = `const csrfToken = () =>
  document.cookie
    .split("; ")
    .find((pair) => pair.startsWith("${CSRF_COOKIE}="))
    ?.slice(${CSRF_COOKIE.length + 1});

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    const token = csrfToken();
    if (token) request.headers["X-CSRF-Token"] = token;
    return request;
  },
});
`;

const LIBRARY_FILES = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

const text = (contentType: string, content: string): PageFile => ({
  contentType,
  read: async () => content,
});

/**
 * The page at `/docs`: Swagger UI with nothing from a CDN. Its files come from @fastify/swagger-ui,
 * because swagger-ui-dist installs a package that reports each installation to its vendor.
 */
export const docsPages = (): ReadonlyMap<string, PageFile> => {
  const manifest = createRequire(import.meta.url).resolve("@fastify/swagger-ui/package.json");
  const folder = join(dirname(manifest), "static");
  const html = text(contentTypeOf("index.html"), HTML);
  return new Map<string, PageFile>([
    ["/docs", html],
    ["/docs/", html],
    ["/docs/page.css", text(contentTypeOf("page.css"), STYLE)],
    ["/docs/start.js", text(contentTypeOf("start.js"), START)],
    ...LIBRARY_FILES.map((name): [string, PageFile] => [
      `/docs/${name}`,
      { contentType: contentTypeOf(name), read: () => readFile(join(folder, name)) },
    ]),
  ]);
};
