import type { JsonValue } from "@bufbuild/protobuf";
import type { HttpRoute } from "./http_method.js";
import type { JsonObject, Outcome, Question } from "./question.js";

const isObject = (json: JsonValue | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);

/** Takes a field out of a message and gives its value. */
const take = (message: JsonObject, path: string): JsonValue | undefined => {
  const [first = "", ...rest] = path.split(".");
  const value = message[first];
  if (rest.length > 0) return isObject(value) ? take(value, rest.join(".")) : undefined;
  delete message[first];
  return value;
};

const addToQuery = (query: URLSearchParams, message: JsonObject, prefix: string): void => {
  for (const [name, value] of Object.entries(message)) {
    if (isObject(value)) addToQuery(query, value, `${prefix}${name}.`);
    else for (const item of [value].flat()) query.append(`${prefix}${name}`, String(item));
  }
};

/** The HTTP request of a question, by the rules in google/api/http.proto. */
const httpRequest = (route: HttpRoute, request: JsonObject) => {
  const message = structuredClone(request);
  const path = route.path.replace(/\{([a-z_.]+)\}/g, (_, field: string) =>
    encodeURIComponent(String(take(message, field))),
  );
  const body =
    route.body === "" ? undefined : route.body === "*" ? message : take(message, route.body);
  const query = new URLSearchParams();
  if (route.body !== "*") addToQuery(query, message, "");
  return { url: query.size > 0 ? `${path}?${query}` : path, body };
};

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: JsonValue;
}

const outcomeOf = ({ status, headers }: Response, problem: Problem): Outcome => {
  const retryAfter = headers.get("retry-after");
  return {
    kind: "failure",
    status: status === problem.status ? status : Number.NaN,
    reason: problem.code.toUpperCase(),
    text: problem.detail,
    language: headers.get("content-language") ?? "",
    metadata: problem.metadata ?? {},
    violations: problem.violations ?? [],
    retryAfter: retryAfter === null ? null : Number(retryAfter),
  };
};

/** Asks over REST. */
export const askRest = async (
  origin: string,
  route: HttpRoute,
  { request, authorization }: Question,
  language: string,
): Promise<Outcome> => {
  const { url, body } = httpRequest(route, request);
  const response = await fetch(origin + url, {
    method: route.verb,
    headers: {
      "accept-language": language,
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const contentType = response.headers.get("content-type") ?? "";
  const json = (await response.json()) as JsonValue;
  if (response.ok && contentType.startsWith("application/json")) {
    return { kind: "answer", message: json };
  }
  if (!contentType.startsWith("application/problem+json")) {
    throw new Error(`${url} answered ${response.status} as ${contentType}`);
  }
  return outcomeOf(response, json as unknown as Problem);
};
