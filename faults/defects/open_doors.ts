import type { LoginInput } from "../../src/core/login/login.js";
import type { RpcLimits } from "../../src/rpc/limits.js";
import type { MethodRule } from "../../src/rpc/rules.js";

/**
 * A plausible mistake at the gRPC port: a limit that is not kept, a rule that does not bound, or a sender that is
 * trusted by mistake.
 */
export interface DoorDefect {
  readonly name: string;
  readonly breaks: readonly ["D8" | "D9" | "D10"];
  readonly limits?: Partial<RpcLimits>;
  readonly changeRule?: (rule: MethodRule) => MethodRule;
  /** The proxies whose forwarded addresses are trusted, in place of the given ones. */
  readonly trustedProxies?: readonly string[];
  /** Changes a login before it enters the queue for hashing. */
  readonly changeLogin?: (input: LoginInput) => LoginInput;
}

const UNBOUNDED = Number.POSITIVE_INFINITY;
const MEBIBYTE = 1024 * 1024;

/** Mistakes that let a caller without credentials use the service up, or pass for another. */
export const OPEN_DOORS: readonly DoorDefect[] = [
  {
    name: "one size for the messages of all methods",
    breaks: ["D8"],
    changeRule: (rule) => ({ ...rule, requestBytes: 4 * MEBIBYTE }),
  },
  {
    name: "the elements of a list are counted after they are decoded",
    breaks: ["D8"],
    changeRule: (rule) => ({ ...rule, countFields: undefined }),
  },
  {
    name: "streams that anybody may open have no budget of their own",
    breaks: ["D8"],
    limits: { publicStreams: UNBOUNDED, publicStreamsPerSource: UNBOUNDED },
  },
  {
    name: "a stream that anybody may open never ends",
    breaks: ["D8"],
    limits: { publicStreamMs: 0 },
  },
  {
    name: "calls without credentials may use all calls",
    breaks: ["D8"],
    limits: { publicCalls: UNBOUNDED, publicCallsPerSource: UNBOUNDED },
  },
  {
    name: "a full server refuses the newcomer, not the silent connection",
    breaks: ["D8"],
    limits: { anonymousConnections: UNBOUNDED, anonymousConnectionsPerSource: UNBOUNDED },
  },
  {
    name: "a connection that says nothing is waited for",
    breaks: ["D8"],
    limits: { handshakeMs: UNBOUNDED },
  },
  {
    name: "requests of strangers are held without a bound",
    breaks: ["D8"],
    limits: {
      anonymousRequestBytes: UNBOUNDED,
      anonymousRequestBytesPerConnection: UNBOUNDED,
    },
  },
  {
    name: "a forwarded address is believed whoever sends it",
    breaks: ["D9"],
    trustedProxies: ["0.0.0.0/0", "::/0"],
  },
  {
    name: "the queue for hashing does not know sources",
    breaks: ["D10"],
    changeLogin: (input) => ({ ...input, ip: "" }),
  },
];
