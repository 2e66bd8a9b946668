import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SESSION_ADMIN_CASES, USER_ADMIN_CASES } from "./differential/admin_cases.js";
import { askGrpc } from "./differential/ask_grpc.js";
import { askRest } from "./differential/ask_rest.js";
import { AUTH_CASES } from "./differential/auth_cases.js";
import { boundsCases } from "./differential/bounds_cases.js";
import type { Case } from "./differential/case.js";
import { deniedCases } from "./differential/denied_cases.js";
import { type HttpMethod, readHttpMethods } from "./differential/http_method.js";
import { inKind, without } from "./differential/likeness.js";
import type { Outcome } from "./differential/question.js";
import { openStage, type Stage } from "./differential/stage.js";

const CASES: Readonly<Record<string, readonly Case[]>> = {
  ...AUTH_CASES,
  ...SESSION_ADMIN_CASES,
  ...USER_ADMIN_CASES,
};
const METHODS = readHttpMethods();

/** As browsers send it. The last language is unknown. */
const LANGUAGES = ["de-AT,de;q=0.9,en;q=0.8", "fa", "xx"];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

/** Converts the answer over gRPC to the body of a route. */
const asBody = (outcome: Outcome, responseBody: string): Outcome =>
  outcome.kind === "answer" && responseBody !== ""
    ? { ...outcome, message: (outcome.message as Record<string, never>)[responseBody] ?? null }
    : outcome;

/** Asks over gRPC and by every route; resolves to the outcome. */
const compare = async (
  method: HttpMethod,
  { equalBut, ask }: Case,
  language: string,
): Promise<Outcome> => {
  const question = await ask(stage);
  const overGrpc = await askGrpc(stage.grpc, method, question, language);
  const alike = (outcome: Outcome) => (equalBut ? without(outcome, equalBut) : inKind(outcome));
  for (const route of method.routes) {
    const repeated = equalBut ? question : await ask(stage);
    const overRest = await askRest(stage.service.origin, route, repeated, language);
    expect(alike(overRest), `${route.verb} ${route.path}`).toEqual(
      alike(asBody(overGrpc, route.responseBody)),
    );
  }
  return overGrpc;
};

/** A refused question changes nothing: all refusals of a method can be about the same subject. */
const askedOnce = (given: Case): Case => {
  let question: ReturnType<Case["ask"]> | undefined;
  return {
    ...given,
    ask: (on) => {
      question ??= given.ask(on);
      return question;
    },
  };
};

test("every method that REST has is asked, and no other", () => {
  expect(Object.keys(CASES).sort()).toEqual(METHODS.map(({ name }) => name).sort());
});

describe.each(METHODS)("$name answers alike over gRPC and REST", (method) => {
  const own = CASES[method.name] ?? [];
  const [first] = own;
  if (first === undefined) return;
  const good = askedOnce(first);
  const cases = [...own, ...boundsCases(method, good), ...deniedCases(method.access, good)];

  test.each(cases)("$name: $outcome", async (given) => {
    const languages = given.outcome === "OK" ? LANGUAGES.slice(0, 1) : LANGUAGES;
    for (const [index, language] of languages.entries()) {
      // Routes of one method differ in their path alone: all are asked once.
      const routes = index === 0 ? method.routes : method.routes.slice(0, 1);
      const outcome = await compare({ ...method, routes }, given, language);
      const reason = outcome.kind === "answer" ? "OK" : outcome.reason;
      expect(reason).toBe(given.outcome);
    }
  });
});
