import { expect, test } from "vitest";
import { createApp } from "../../../examples/backend/app.js";
import { setUpValidatorStage } from "./stage.js";

const stage = setUpValidatorStage();

test("the example backend has the guide's endpoints, and refuses a token after its logout", async () => {
  const { token, username, userId } = await stage.signIn(["admin"]);
  const app = await createApp(await stage.open({ mode: "local" }));
  const headers = { authorization: `Bearer ${token}` };
  const get = (url: string) => app.inject({ url, headers });

  expect((await get("/api/v1/protected")).json()).toEqual({ message: `Hello ${username}!` });
  expect((await get("/api/v1/data")).json()).toEqual({ data: "some data" });
  const payload = { colour: "green" };
  const changed = await app.inject({ method: "POST", url: "/api/v1/data", headers, payload });
  expect(changed.json()).toEqual({ data: payload, updated_by: username });
  expect((await get("/api/v1/admin/data")).json()).toEqual({ users: [userId] });
  const gone = await app.inject({ method: "DELETE", url: "/api/v1/data", headers });
  expect(gone.json()).toEqual({ deleted: true });
  expect((await get("/healthz")).json()).toEqual({ feed: "live", hasKeys: true });
  expect((await app.inject({ url: "/api/v1/protected" })).statusCode).toBe(401);

  await stage.logout(token);
  const active = await app.inject({ method: "DELETE", url: "/api/v1/data", headers });
  expect(active.statusCode).toBe(401);
  const refused = await get("/api/v1/protected");
  expect(refused.statusCode).toBe(401);
  expect(refused.json()).toMatchObject({
    detail: "Access token has been revoked",
    code: "access_token_blacklisted",
  });
  await app.close();
});
