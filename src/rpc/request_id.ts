import { randomBytes } from "node:crypto";

/** Ids that others may give to their requests; anything else could break a line of log. */
const ACCEPTABLE = /^[A-Za-z0-9._:/+=-]{1,128}$/;

/** The caller's own id of a request if it is fit for a log, else a new one. */
export type RequestId = (given: string) => string;

/** Makes new ids from a random prefix of this process and a counter. */
export const requestIds = (): RequestId => {
  const prefix = randomBytes(6).toString("hex");
  let count = 0;
  return (given) => {
    if (ACCEPTABLE.test(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
};
