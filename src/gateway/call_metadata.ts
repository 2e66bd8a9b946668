import { Metadata } from "@grpc/grpc-js";
import type { FastifyRequest } from "fastify";

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Values of gRPC metadata are printable ASCII; headers of HTTP/1.1 need not be. */
const printable = (value: string): string => value.replace(/[^ -~]/g, "?");

/**
 * The metadata of the call that a request becomes: who calls
 * (`authorization`), in which language (`accept-language`), from where
 * (`x-forwarded-for`, `x-forwarded-user-agent`), whether the user is there
 * (`x-skip-activity`) and under which ids (`x-request-id`, `traceparent`,
 * `tracestate`).
 *
 * @param authorization the credential to send, from the header or a cookie
 */
export const callMetadata = (
  request: FastifyRequest,
  authorization: string | undefined,
): Metadata => {
  const metadata = new Metadata();
  const { headers } = request;
  const forward = (name: string, value: string | undefined): void => {
    if (value) metadata.set(name, printable(value));
  };
  forward("authorization", authorization);
  forward("accept-language", headers["accept-language"]);
  forward("x-forwarded-user-agent", headers["user-agent"]);
  forward("x-forwarded-for", request.clientChain.join(", "));
  if (headers["x-skip-activity"] === "true") metadata.set("x-skip-activity", "true");
  forward("x-request-id", request.id);
  const { traceparent, tracestate } = headers;
  if (typeof traceparent === "string" && TRACEPARENT.test(traceparent)) {
    forward("traceparent", traceparent);
    if (typeof tracestate === "string") forward("tracestate", tracestate);
  }
  return metadata;
};
