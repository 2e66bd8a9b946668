/** The permissions of Curfew's user in Redis, in ACL syntax. Every script uses `INFO` to identify the server. */
export const REDIS_RIGHTS =
  "~curfew:* ~access_token_blacklist:* &curfew:endings +info +time +ping +get +mget +set +del +persist +eval +evalsha +publish +subscribe";

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /WRONGPASS|NOAUTH|AUTH .*password|invalid password/i,
    "it refuses the user or the password of REDIS_URL",
  ],
  [
    /NOPERM|No permissions|can't run this command|can't access at least one/i,
    `the user of REDIS_URL lacks a right; it needs ${REDIS_RIGHTS} (in a cluster also +cluster)`,
  ],
  [/READONLY/, "it is a replica, not a master, or takes no writes"],
  [/sentinel/i, "the Sentinels do not lead to a master; they may ask for a password of their own"],
  [/no answer within/, "it does not answer within REDIS_TIMEOUT_MS"],
  [/LOADING/, "it is still loading its data"],
];

/** Its message; the rest may hold arguments of the command, a password among them. */
export const failureText = (failure: unknown): string => {
  if (!(failure instanceof Error)) return String(failure);
  const last: unknown = Reflect.get(failure, "lastNodeError");
  return last instanceof Error ? `${failure.message} ${last.message}` : failure.message;
};

/** Explains to the operator why Redis cannot be used and what to do, as far as the failure shows it. */
export const failureAdvice = (failure: unknown): string => {
  const text = failureText(failure);
  return ADVICE.find(([sign]) => sign.test(text))?.[1] ?? "it cannot be reached";
};
