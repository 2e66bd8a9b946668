import type { EventHistory, SignIn, UserDevice } from "../../ports/event_history.js";
import type { AuditEvent } from "../audit_event.js";
import type { UnusualPattern } from "./unusual_pattern.js";

const LONGEST_DEVICE = 200;

/** The same for a browser before and after its updates. */
export const deviceText = ({ device, userAgent }: Pick<SignIn, "device" | "userAgent">): string => {
  const software = userAgent.replace(/\d+([._]\d+)*/g, "#");
  return [device, software]
    .filter((part) => part !== "")
    .join(", ")
    .slice(0, LONGEST_DEVICE);
};

/** Sign-ins of users who have signed in before, with software that they never used. */
export const newDevices = async (
  events: readonly AuditEvent[],
  history: EventHistory,
): Promise<UnusualPattern[]> => {
  const logins = events.filter(({ type }) => type === "LOGIN");
  if (logins.length === 0) return [];
  const signIns = await history.signInsOf(logins.map(({ sessionId = "" }) => sessionId));
  const uses = new Map<string, { readonly used: UserDevice; readonly login: AuditEvent }>();
  for (const login of logins) {
    const signIn = signIns.get(login.sessionId ?? "");
    if (signIn === undefined || login.userId === undefined) continue;
    const device = deviceText(signIn);
    const key = `${login.userId} ${device}`;
    // The first of a batch: the others are then with a known device.
    if (!uses.has(key))
      uses.set(key, { used: { userId: login.userId, device, at: login.at }, login });
  }
  const fresh = await history.noteDevices([...uses.values()].map(({ used }) => used));
  return fresh.flatMap(({ userId, device }) => {
    const login = uses.get(`${userId} ${device}`)?.login;
    if (login === undefined) return [];
    const { at, sessionId, ip } = login;
    return [
      { kind: "new_device" as const, event: { at, userId, sessionId, ip }, metadata: { device } },
    ];
  });
};
