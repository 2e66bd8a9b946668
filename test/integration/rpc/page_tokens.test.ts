import type { DescMethod } from "@bufbuild/protobuf";
import { type MethodDefinition, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { foldUsername } from "../../../src/core/users/user.js";
import { readDescriptors, registryOf } from "../../../src/rpc/descriptors.js";
import { HOSTILE_NAMES } from "../../support/hostile_names.js";
import { startTestService, type TestService } from "../../support/service.js";
import { encodeRequest, METHODS } from "../doors/methods.js";

/** A page of any list. */
interface Page {
  readonly ids: readonly string[];
  readonly next: string;
}

interface Asked {
  readonly pageSize: number;
  readonly pageToken?: string;
}

const DEFINITIONS = [AuthServiceService, SessionAdminService, UserAdminService].flatMap((service) =>
  Object.values(service as Record<string, MethodDefinition<object, object>>),
);

/** Every RPC that answers page by page, whichever there are. */
const LISTS = [...registryOf(readDescriptors())]
  .flatMap((type): readonly DescMethod[] => (type.kind === "service" ? type.methods : []))
  .filter(({ input }) => input.fields.some(({ name }) => name === "page_token"))
  .map((descriptor) => ({ name: `${descriptor.parent.name}.${descriptor.name}`, descriptor }));

const COPY_USER = `
  INSERT INTO users SELECT (jsonb_populate_record(u, jsonb_build_object(
    'user_id', gen_random_uuid(), 'username', $2::text, 'display_name', $2::text, 'username_folded', $3::text))).*
  FROM users u WHERE u.user_id = $1`;
const COPY_SESSION = `
  INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object(
    'session_id', gen_random_uuid(), 'jti', gen_random_uuid(), 'device', $2::text, 'user_agent', $2::text))).*
  FROM sessions s WHERE s.user_id = $1 ORDER BY s.created_at, s.session_id LIMIT 1`;

let service: TestService;
let accessToken: string;

beforeAll(async () => {
  service = await startTestService();
  const owner = await service.createUser();
  ({ accessToken } = await service.signIn(owner.username));
  // Copies, without a password to hash for each.
  for (const name of HOSTILE_NAMES) {
    await service.query(COPY_USER, [owner.userId, name, foldUsername(name)]);
    await service.query(COPY_SESSION, [owner.userId, name]);
  }
});
afterAll(() => service?.stop());

const ask = async ({ descriptor }: (typeof LISTS)[number], { pageSize, pageToken = "" }: Asked) => {
  const path = `/${descriptor.parent.typeName}/${descriptor.name}`;
  const definition = DEFINITIONS.find((one) => one.path === path);
  const method = METHODS.find((one) => one.path === path);
  if (definition === undefined || method === undefined) throw new Error(`no client for ${path}`);
  const values: Record<string, unknown> = { page_size: pageSize, page_token: pageToken };
  const bytes = encodeRequest(descriptor.input, ({ name }) => values[name]);
  const request = definition.requestDeserialize(Buffer.from(bytes));
  const credential = method.rule.access === Access.SESSION ? accessToken : service.adminKey;
  const answer = await service.call(definition, request, credential);
  const [elements] = Object.values(answer).filter(Array.isArray);
  const ids = (elements ?? []).map((element: Record<string, string>) => {
    const id = element.sessionId ?? element.userId ?? element.serviceKeyId ?? element.sinkId;
    if (!id) throw new Error(`an element of ${path} has no id that this test knows`);
    return id;
  });
  return { ids, next: (answer as { nextPageToken: string }).nextPageToken } satisfies Page;
};

const codeOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => status.OK,
    (error: { code: number }) => error.code,
  );

test("the lists are found", () => {
  expect(LISTS.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "AuthService.ListMySessions",
      "SessionAdmin.ListSessions",
      "UserAdmin.ListUsers",
    ]),
  );
});

describe.each(LISTS)("$name", (list) => {
  const bound = list.descriptor.input.fields.find(({ name }) => name === "page_token");

  test("ends, and has every element once, one a page, whatever its names", async () => {
    const whole = await ask(list, { pageSize: 1000 });
    expect(whole.next).toBe("");
    expect(whole.ids.length).toBeGreaterThanOrEqual(HOSTILE_NAMES.length);
    const walked: string[] = [];
    let pageToken = "";
    do {
      const page = await ask(list, { pageSize: 1, pageToken });
      expect(page.ids).toHaveLength(1);
      walked.push(...page.ids);
      pageToken = page.next;
      expect(pageToken.length).toBeLessThanOrEqual(512);
    } while (pageToken !== "" && walked.length <= whole.ids.length);
    expect(walked).toEqual(whole.ids);
    expect(bound).toBeDefined();
  });

  test("refuses a token that was changed, and one of another list, as INVALID_ARGUMENT", async () => {
    const { next } = await ask(list, { pageSize: 1 });
    const foreign = await Promise.all(
      LISTS.filter((other) => other !== list).map((other) => ask(other, { pageSize: 1 })),
    );
    const changed = Array.from(next, (character, i) => {
      const other = character === "A" ? "B" : "A";
      return `${next.slice(0, i)}${other}${next.slice(i + 1)}`;
    });
    const encode = (text: string) => Buffer.from(text).toString("base64url");
    const tokens = [
      ...foreign.map((page) => page.next),
      ...changed,
      next.slice(0, -1),
      `${next}A`,
      `${next}=`,
      ` ${next}`,
      encode(Buffer.from(next, "base64url").toString().replace(/ .*/, " ")),
      encode(`${Buffer.from(next, "base64url")}\0`),
      encode("\u{1F600} \u202E"),
      "!",
      "A".repeat(512),
      "A".repeat(513),
    ];
    for (const pageToken of tokens)
      expect([pageToken, await codeOf(ask(list, { pageSize: 1, pageToken }))]).toEqual([
        pageToken,
        status.INVALID_ARGUMENT,
      ]);
  });
});
