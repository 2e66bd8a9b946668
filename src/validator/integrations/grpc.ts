// curfew/validator/grpc
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import { grpcStatusOf } from "../rpc_failure.js";
import type { SessionGuard } from "../session_guard.js";
import type { Validator } from "../validator.js";
import { toValidatorError, ValidatorError } from "../validator_error.js";
import { SKIP_ACTIVITY_HEADER } from "./background.js";
import { bearerToken } from "./bearer.js";
import {
  admit,
  assertRole,
  type CurrentUser,
  currentActiveUser,
  currentUser,
  guardAdmission,
} from "./current_user.js";

export type { CurrentUser } from "./current_user.js";

/** Options of the interceptor. */
export interface ValidatorInterceptorOptions {
  readonly validator: Validator;
  /** Paths of methods that anybody may call, for example `/grpc.health.v1.Health/Check`. */
  readonly publicMethods?: readonly string[];
  /** Roles that open methods, by path: one of them is enough. Others need a user and no role. */
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  /**
   * Whether no user caused the call, for example when a client polls: then neither it nor the messages of its stream
   * count as uses of the session, which can become idle meanwhile. Such a check asks Curfew, also in local mode.
   * `skipsActivity` reads the metadata `x-skip-activity: true`. Default: every call counts.
   */
  readonly isBackground?: (metadata: Metadata, path: string) => boolean;
}

/** Whether a call has the metadata `x-skip-activity: true`: for the option `isBackground`. */
export const skipsActivity = (metadata: Metadata): boolean =>
  metadata.get(SKIP_ACTIVITY_HEADER)[0] === "true";

const tokenOf = (metadata: Metadata): string => {
  const values = metadata.get("authorization");
  if (values.length > 1)
    throw new ValidatorError("CREDENTIALS_MISSING", {
      detail: "The call has more than one authorization",
    });
  return bearerToken(values[0]?.toString());
};

/** One call: nothing reaches the handler before its token is found good. */
const interceptedCall = (
  call: ServerInterceptingCallInterface,
  check: (metadata: Metadata) => Promise<unknown>,
  isStream: boolean,
): ServerInterceptingCall => {
  let guard: SessionGuard | undefined;
  let isOver = false;

  const refuse = (thrown: unknown): void => {
    if (isOver) return;
    isOver = true;
    guard?.release();
    call.sendStatus(grpcStatusOf(toValidatorError(thrown)));
  };

  return new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata(metadata, proceed) {
          check(metadata).then(() => {
            if (isOver) return;
            if (isStream) guard = guardAdmission(metadata, refuse);
            proceed(metadata);
          }, refuse);
        },
        onReceiveMessage(message, proceed) {
          if (isOver) return;
          guard?.touch();
          proceed(message);
        },
        onReceiveHalfClose(proceed) {
          if (!isOver) proceed();
        },
        onCancel() {
          isOver = true;
          guard?.release();
        },
      }),
    sendMetadata(metadata, next) {
      if (!isOver) next(metadata);
    },
    sendMessage(message, next) {
      if (!isOver) next(message);
    },
    sendStatus(status, next) {
      if (isOver) return;
      isOver = true;
      guard?.release();
      next(status);
    },
  });
};

/**
 * Lets in calls with a good access token in `authorization: Bearer`, on every
 * method that is not public, and ends open streams with UNAUTHENTICATED when
 * their session ends. Refusals carry google.rpc.Status as Curfew's own do.
 */
export const validatorInterceptor = ({
  validator,
  publicMethods = [],
  roles = {},
  isBackground = () => false,
}: ValidatorInterceptorOptions): ServerInterceptor => {
  const open = new Set(publicMethods);
  return ({ path, requestStream, responseStream }, call) => {
    if (open.has(path)) return new ServerInterceptingCall(call);
    const needed = Object.hasOwn(roles, path) ? roles[path] : undefined;
    const check = async (metadata: Metadata): Promise<void> => {
      const background = isBackground(metadata, path);
      const user = await admit(metadata, validator, tokenOf(metadata), background);
      if (needed !== undefined) assertRole(user, needed);
    };
    return interceptedCall(call, check, requestStream || responseStream);
  };
};

/** The part of a grpc-js server call that holds the caller's credential. */
export interface CallWithMetadata {
  readonly metadata: Metadata;
}

/** The user of a call that the interceptor let in. Throws CREDENTIALS_MISSING in a public method. */
export const getCurrentUser = ({ metadata }: CallWithMetadata): CurrentUser =>
  currentUser(metadata);

/** The user, asked of Curfew anew. Rejects with USER_INACTIVE and the like. */
export const getCurrentActiveUser = ({ metadata }: CallWithMetadata): Promise<CurrentUser> =>
  currentActiveUser(metadata);

/** Whatever a handler caught, as the error to give to grpc-js's callback. */
export const statusOf = (thrown: unknown) => grpcStatusOf(toValidatorError(thrown));
