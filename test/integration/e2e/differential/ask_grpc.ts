import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { type Client, status as Code, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  BadRequest,
  ErrorInfo,
  LocalizedMessage,
  RetryInfo,
} from "../../../../generated/google/rpc/error_details.js";
import { Status } from "../../../../generated/google/rpc/status.js";
import { type HttpMethod, registry } from "./http_method.js";
import type { Outcome, Question } from "./question.js";

/** The contract's table (section 2) from the gRPC code to the HTTP status. */
const HTTP_STATUS: Readonly<Record<number, number>> = {
  [Code.INVALID_ARGUMENT]: 400,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNAUTHENTICATED]: 401,
  [Code.PERMISSION_DENIED]: 403,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.INTERNAL]: 500,
  [Code.UNIMPLEMENTED]: 501,
  [Code.UNAVAILABLE]: 503,
  [Code.DEADLINE_EXCEEDED]: 504,
};

const pass = (bytes: Buffer): Buffer => bytes;

const outcomeOf = ({ code, metadata }: ServiceError): Outcome => {
  const [bytes] = metadata.get("grpc-status-details-bin");
  const { details } = Status.decode(Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0));
  const find = <Detail>(name: string, type: { decode(value: Buffer): Detail }) => {
    const any = details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`);
    return any && type.decode(any.value);
  };
  const info = find("ErrorInfo", ErrorInfo);
  const localized = find("LocalizedMessage", LocalizedMessage);
  const delay = find("RetryInfo", RetryInfo)?.retryDelay;
  const violations = find("BadRequest", BadRequest)?.fieldViolations ?? [];
  return {
    kind: "failure",
    status: HTTP_STATUS[code] ?? Number.NaN,
    reason: info?.domain === "curfew" ? info.reason : "",
    text: localized?.message ?? "",
    language: localized?.locale ?? "",
    metadata: info?.metadata ?? {},
    violations: violations.map(({ field, description }) => ({ field, description })),
    retryAfter: delay ? Math.ceil(Number(delay.seconds) + delay.nanos / 1e9) : null,
  };
};

/** Asks over gRPC. */
export const askGrpc = (
  client: Client,
  { path, descriptor }: HttpMethod,
  { request, authorization }: Question,
  language: string,
): Promise<Outcome> =>
  new Promise((resolve) => {
    const { input, output } = descriptor;
    const metadata = new Metadata();
    metadata.set("accept-language", language);
    if (authorization !== undefined) metadata.set("authorization", authorization);
    const bytes = Buffer.from(toBinary(input, fromJson(input, request)));
    client.makeUnaryRequest(path, pass, pass, bytes, metadata, (error, answer) => {
      if (answer === undefined) {
        resolve(outcomeOf(error as ServiceError));
        return;
      }
      const message = toJson(output, fromBinary(output, answer), {
        registry,
        useProtoFieldName: true,
        alwaysEmitImplicit: true,
      });
      resolve({ kind: "answer", message });
    });
  });
