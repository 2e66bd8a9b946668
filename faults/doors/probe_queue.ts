import { boundedLogin } from "../../src/composition/bounded_login.js";
import type { LoginInput, LoginOutput } from "../../src/core/login/login.js";

const FLOOD = 150;
const HONEST = 8;
/** Logins under way at once, one of the flood for each honest one, and some room. */
const MAX_BEFORE = 50;

const loginFrom = (ip: string): LoginInput => ({
  username: "ada",
  password: "",
  device: "",
  ip,
  userAgent: "",
});

/** A flood of logins from one source before a few from others, in the order in which they are let in. */
export const probeQueue = async (
  change: (input: LoginInput) => LoginInput = (input) => input,
): Promise<string[]> => {
  const admitted: boolean[] = [];
  const underWay: (() => void)[] = [];
  const isHonest = new WeakSet<object>();
  const login = boundedLogin({
    requireSource: () => undefined,
    login: (input) =>
      new Promise<LoginOutput>((resolve) => {
        admitted.push(isHonest.has(input));
        underWay.push(() => resolve({} as LoginOutput));
      }),
  });
  const logins = Array.from({ length: FLOOD }, () => login(change(loginFrom("203.0.113.1"))));
  for (let index = 0; index < HONEST; index += 1) {
    const input = change(loginFrom(`198.51.100.${index}`));
    isHonest.add(input);
    logins.push(login(input));
  }
  const outcomes = Promise.allSettled(logins);
  await new Promise(setImmediate);
  for (let end = underWay.shift(); end !== undefined; end = underWay.shift()) {
    end();
    await new Promise(setImmediate);
  }
  await outcomes;
  const last = admitted.lastIndexOf(true);
  const isFair = admitted.filter(Boolean).length === HONEST && last < MAX_BEFORE;
  return isFair ? [] : ["a flood from one source delays the logins of others"];
};
