import { afterAll, expect, test } from "vitest";
import { routeGrpcLog } from "../../../src/rpc/grpc_log.js";
import { waitUntil } from "../../support/wait_until.js";
import { sendRawCall } from "./raw_call.js";
import { startStubServer } from "./stub_server.js";

const said: string[] = [];
routeGrpcLog((message) => said.push(message));
const stub = await startStubServer();
afterAll(() => stub.close());

test("grpc-js speaks through our log, and tells no values of headers (D6)", async () => {
  const path = "/curfew.v1.AuthService/GetProfile";
  await sendRawCall(stub.port, path, [["authorization", "Bearer s3cret\u00e9"]]);
  await waitUntil("the call is counted", () => stub.calls.length > 0);
  expect(stub.calls).toMatchObject([{ reason: "CREDENTIALS_MISSING" }]);
  expect(said).toEqual(["Failed to add metadata entry authorization"]);
});
