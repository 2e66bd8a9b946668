import cors from "@fastify/cors";
import type { FastifyInstance } from "fastify";
import { helmetHeaders } from "./helmet_headers.js";
import type { GatewayOptions } from "./options.js";

/** A page of this gateway: its own files, and nothing from anywhere else. */
const PAGE_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    // Swagger UI styles elements in place and draws its icons from data URLs.
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", "data:"],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

/** An answer of the API is data: a browser that shows it loads nothing. */
const DATA_POLICY = {
  useDefaults: false,
  directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
};

const options = (
  contentSecurityPolicy: typeof PAGE_POLICY | typeof DATA_POLICY,
  development: boolean,
) => ({
  contentSecurityPolicy,
  frameguard: { action: "deny" as const },
  hsts: development ? false : { maxAge: 31_536_000, includeSubDomains: false },
});

/** The headers of a page, in place of those of an API answer. */
export const pageHeaders = (development: boolean): Promise<Readonly<Record<string, string>>> =>
  helmetHeaders(options(PAGE_POLICY, development));

/**
 * Installs helmet's headers and CORS for the origins on the list; other origins
 * get no CORS header, which is a browser's refusal.
 *
 * @throws Error for an origin list that would open the API to every page
 */
export const installSecurityHeaders = async (
  app: FastifyInstance,
  { corsOrigins, development }: Pick<GatewayOptions, "corsOrigins" | "development">,
): Promise<void> => {
  if (corsOrigins.includes("*")) {
    throw new Error(
      'CORS_ORIGINS must name origins, for example "https://app.example": "*" would let every page call with cookies',
    );
  }
  const allowed = new Set(corsOrigins);
  const headers = {
    ...(await helmetHeaders(options(DATA_POLICY, development))),
    "cache-control": "no-store",
  };
  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(headers).header("x-request-id", request.id);
    done();
  });
  await app.register(cors, {
    origin: (origin, decide) => {
      decide(null, origin !== undefined && allowed.has(origin) ? origin : false);
    },
    credentials: true,
    strictPreflight: false,
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: [
      "authorization",
      "content-type",
      "accept-language",
      "traceparent",
      "tracestate",
      "x-csrf-token",
      "x-request-id",
      "x-session-id",
      "x-session-mode",
      "x-skip-activity",
    ],
    exposedHeaders: [
      "content-language",
      "retry-after",
      "www-authenticate",
      "x-csrf-token",
      "x-request-id",
      "x-session-generation",
      "x-session-id",
    ],
    maxAge: 600,
  });
};
