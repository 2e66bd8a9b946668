import { type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { RequestInfo } from "../../../generated/google/rpc/error_details.js";
import { Status } from "../../../generated/google/rpc/status.js";
import { startTestService, type TestService } from "../../support/service.js";

const lines: string[] = [];
let service: TestService;

beforeAll(async () => {
  service = await startTestService({}, (line) => lines.push(line));
});
afterAll(() => service?.stop());

test("an unexpected error is one line of the log, which its caller can name and cannot read", async () => {
  const { userId } = await service.createUser();
  await service.query("ALTER TABLE users RENAME TO lost");
  const failure: ServiceError = await service
    .call(UserAdminService.getUser, { userId }, service.adminKey)
    .then(
      () => expect.unreachable(),
      (error) => error,
    );
  expect(failure).toMatchObject({ code: status.INTERNAL, details: "Internal error" });
  const [bytes] = failure.metadata.get("grpc-status-details-bin");
  expect(Buffer.from(bytes as Buffer).includes("relation")).toBe(false);
  const about = Status.decode(bytes as Buffer).details.find(({ typeUrl }) =>
    typeUrl.endsWith("RequestInfo"),
  );
  const { requestId } = RequestInfo.decode(about?.value ?? new Uint8Array());

  const written = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(written.filter((line) => line.request_id === requestId)).toEqual([
    expect.objectContaining({
      level: "error",
      msg: "call failed",
      method: "/curfew.v1.UserAdmin/GetUser",
      code: "INTERNAL",
      reason: "INTERNAL",
      caller: expect.stringMatching(/^service:key-/),
      err: expect.objectContaining({ message: expect.stringContaining('relation "users"') }),
    }),
  ]);
});
