import {
  ChannelCredentials,
  type Client,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { AuthServiceClient } from "../../generated/curfew/v1/auth_service.js";
import { SessionAdminClient } from "../../generated/curfew/v1/session_admin.js";

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

const MAX_TRIES = 20;

const once = <Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: Request,
  metadata: Metadata,
): Promise<Response> =>
  new Promise((resolve, reject) =>
    method.call(client, request, metadata, (error, response) =>
      error ? reject(error) : resolve(response),
    ),
  );

/** One call; repeated while the service says UNAVAILABLE, which counts into the time it takes. */
export const call = async <Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: Request,
  metadata = new Metadata(),
): Promise<Response> => {
  for (let tries = 1; ; tries++) {
    try {
      return await once(client, method, request, metadata);
    } catch (error) {
      if ((error as ServiceError).code !== status.UNAVAILABLE || tries === MAX_TRIES) throw error;
    }
  }
};

export const clientsOf = (port: number) => {
  const target = `127.0.0.1:${port}`;
  const credentials = ChannelCredentials.createInsecure();
  return {
    auth: new AuthServiceClient(target, credentials),
    admin: new SessionAdminClient(target, credentials),
  };
};

/** Metadata of a call with an access token. */
export const bearer = (accessToken: string): Metadata => {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${accessToken}`);
  return metadata;
};
