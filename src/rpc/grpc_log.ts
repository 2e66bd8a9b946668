import { setLogger } from "@grpc/grpc-js";

/**
 * Sends what grpc-js itself has to say to our log. It would write plain text to
 * stderr, and in it the values of metadata it cannot read, which may be
 * credentials (D6). Concerns the whole process, so call it once, first thing.
 */
export const routeGrpcLog = (warn: (message: string) => void): void => {
  const say = (message: unknown): void => {
    const text = String(message);
    const metadata = /^Failed to add metadata entry [^:]*/.exec(text);
    warn(metadata === null ? text : metadata[0]);
  };
  setLogger({ error: say, info: say, debug: say });
};
