import type { FastifyInstance } from "fastify";

/** A file that is served as it is. */
export interface PageFile {
  readonly contentType: string;
  read(): Promise<Buffer | string>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  map: "application/json; charset=utf-8",
  png: "image/png",
  svg: "image/svg+xml",
  webp: "image/webp",
  woff2: "font/woff2",
};

/** The media type of a file by its name. */
export const contentTypeOf = (name: string): string =>
  CONTENT_TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";

/**
 * Serves a fixed set of files, by their paths. Nothing else of a folder can be
 * asked for.
 */
export const installPages = (
  app: FastifyInstance,
  files: ReadonlyMap<string, PageFile>,
  headers: Readonly<Record<string, string>>,
): void => {
  for (const [path, file] of files) {
    app.get(path, async (_request, reply) =>
      reply
        .headers(headers)
        .type(file.contentType)
        .send(await file.read()),
    );
  }
};
