// curfew: the gRPC interface as ts-proto generates it for @grpc/grpc-js. The service itself is the command
// `curfew serve`; curfew/validator, curfew/client and curfew/react are libraries for backends and browsers.
export {
  AuthServiceClient,
  AuthServiceService,
} from "../generated/curfew/v1/auth_service.js";
export { ErrorReason } from "../generated/curfew/v1/error_reason.js";
export {
  SessionAdminClient,
  SessionAdminService,
} from "../generated/curfew/v1/session_admin.js";
export { UserAdminClient, UserAdminService } from "../generated/curfew/v1/user_admin.js";
