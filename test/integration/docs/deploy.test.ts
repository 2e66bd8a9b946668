import { readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { SETTINGS } from "../../../src/config/settings_table.js";
import { readDescriptors, registryOf } from "../../../src/rpc/descriptors.js";
import { NODE_FLAGS } from "../../support/node_flags.js";
import { snippetsOf } from "./document.js";
import { templateFacts } from "./helm_template.js";

type Tree = { [key: string]: Tree } & { toString(): string };

const DEPLOY = new URL("../../../deploy/", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, DEPLOY), "utf8");
const CHART = "helm/curfew";
const TEMPLATES = readdirSync(new URL(`${CHART}/templates/`, DEPLOY));
const template = (name: string): string => read(`${CHART}/templates/${name}`);

const settingNames = Object.values(SETTINGS).map(({ name }): string => name);
const secretNames = Object.values(SETTINGS).flatMap((declared) =>
  "secret" in declared && declared.secret ? [declared.name as string] : [],
);
const expectSettings = (names: readonly string[]): void => {
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(settingNames).toContain(name);
};

describe("compose", () => {
  const compose = parse(read("compose.yaml"), { merge: true }) as {
    services: Record<string, Tree>;
    volumes: Record<string, unknown>;
  };
  const ours = Object.entries(compose.services).filter(([name]) => /^(curfew|migrate)/.test(name));

  test("sets only settings that there are, and none of them in clear", () => {
    expect(ours).toHaveLength(3);
    for (const [, service] of ours) {
      expectSettings(Object.keys(service.environment ?? {}));
      for (const name of secretNames) {
        const value = service.environment?.[name];
        if (value !== undefined) expect(String(value)).toMatch(/\$\{\w+:\?set it/);
      }
    }
  });

  test("replicas wait for a migration that waits for Postgres, and every store is asked for its health", () => {
    expect(compose.services.migrate).toMatchObject({
      command: ["migrate", "up"],
      depends_on: { postgres: { condition: "service_healthy" } },
    });
    for (const name of ["curfew-1", "curfew-2"]) {
      expect(compose.services[name]).toMatchObject({
        command: ["serve"],
        depends_on: {
          migrate: { condition: "service_completed_successfully" },
          redis: { condition: "service_healthy" },
        },
      });
    }
    for (const name of ["postgres", "redis"]) {
      expect(compose.services[name]).toHaveProperty("healthcheck.test");
      expect(Object.keys(compose.volumes)).toContain(name);
    }
    expect(String(compose.services.redis?.command)).toMatch(/requirepass %s\\nappendonly yes/);
  });

  test("asks for what the image is, and names the variables that its first lines make", () => {
    const text = read("compose.yaml");
    const wanted = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    const made = /printf '([^']*)'/.exec(text)?.[1] ?? "";
    expect([...new Set(wanted)].sort()).toEqual(
      [...made.matchAll(/(\w+)=%s/g)].map(([, name]) => name?.replace(/^n(?=[A-Z])/, "")).sort(),
    );
    const dockerfile = readFileSync(new URL("../Dockerfile", DEPLOY), "utf8");
    expect(dockerfile).toMatch(/^ENTRYPOINT .*main\.js"\]$/m);
    for (const flag of NODE_FLAGS) expect(dockerfile).toContain(`"${flag}"`);
    expect(dockerfile).toMatch(/^HEALTHCHECK /m);
    expect(dockerfile).toMatch(/^USER 1000:1000$/m);
    expect(dockerfile).toContain("generated/descriptors.binpb generated/");
  });
});

describe("the chart", () => {
  const values = parse(read(`${CHART}/values.yaml`)) as Tree;
  const schema = JSON.parse(read(`${CHART}/values.schema.json`)) as object;
  const check = new Ajv({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    strictRequired: false,
    strictTypes: false,
  }).compile(schema);
  const problems = (changes: object): string[] => {
    const fine = {
      ...values,
      existingSecret: "stores",
      config: { ...values.config, JWT_ISSUER: "https://login.example.com" },
    };
    check({ ...fine, ...changes });
    return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };

  test("the defaults need an issuer and a secret, and nothing else", () => {
    expect(problems({})).toEqual([]);
    check(values);
    expect(check.errors?.map(({ instancePath }) => instancePath)).toEqual(
      expect.arrayContaining(["/config/JWT_ISSUER", "/secrets/DATABASE_URL"]),
    );
  });

  test.each<[string, object, RegExp]>([
    ["a misspelt value", { replicas: 3 }, /additional properties/],
    ["no replica", { replicaCount: 0 }, /replicaCount must be >= 1/],
    ["a secret in the open", { config: { JWT_ISSUER: "x", DATABASE_URL: "x" } }, /property name/],
    ["a port the chart gives", { config: { JWT_ISSUER: "x", GRPC_PORT: 1 } }, /property name/],
    ["TLS without a secret", { tls: { enabled: true, secretName: "" } }, /secretName must NOT/],
    ["mTLS without TLS", { tls: { enabled: false, mutual: true } }, /enabled must be equal/],
    ["an ingress without a host", { ingress: { enabled: true, host: "" } }, /host must NOT/],
    ["no secret at all", { existingSecret: "" }, /secrets\/KEY_ENCRYPTION_KEY must NOT/],
    ["an open service", { config: { JWT_ISSUER: "x", SERVICE_AUTH: "none" } }, /SERVICE_AUTH/],
    ["an unknown secret", { secrets: { PASSWORD: "x" } }, /additional properties/],
    ["a port too high", { service: { httpPort: 70000 } }, /httpPort must be <= 65535/],
  ])("%s is refused", (_case, changes, problem) => {
    expect(problems(changes).join("\n")).toMatch(problem);
  });

  test.each([
    ["an own secret", { secrets: { BOOTSTRAP_ADMIN_PASSWORD: "x" } }],
    ["mTLS", { tls: { enabled: true, secretName: "curfew-tls", mutual: true } }],
    ["a share of the pods", { podDisruptionBudget: { enabled: true, maxUnavailable: "25%" } }],
    ["more settings", { config: { JWT_ISSUER: "x", MAX_CONCURRENT_SESSIONS: 3 } }],
  ])("%s is taken", (_case, changes) => expect(problems(changes)).toEqual([]));

  test("every setting it names is one", () => {
    expectSettings(Object.keys(values.config ?? {}));
    expectSettings(Object.keys(values.secrets ?? {}));
    const data = /^data:\n([\s\S]*)/m.exec(template("configmap.yaml"))?.[1] ?? "";
    expectSettings([...data.matchAll(/^ +([A-Z_]+):/gm)].map(([, name]) => name ?? ""));
    expectSettings(
      [...template("migrate.yaml").matchAll(/name: ([A-Z_]+)$/gm)].map(([, name]) => name ?? ""),
    );
  });

  const defined = TEMPLATES.flatMap((name) => templateFacts(template(name)).defines);

  test.each(TEMPLATES)("%s closes what it opens and names only what there is", (name) => {
    const facts = templateFacts(template(name));
    expect(facts.openBlocks).toBe(0);
    for (const included of facts.includes) expect(defined).toContain(included);
    for (const path of facts.values) expect(values, path).toHaveProperty(path);
  });

  test("every value is used", () => {
    const used = TEMPLATES.flatMap((name) => templateFacts(template(name)).values);
    for (const [section, inner] of Object.entries(values)) {
      const isUsed = used.some((path) => path === section || path.startsWith(`${section}.`));
      expect(isUsed, `${section} ${JSON.stringify(inner)}`).toBe(true);
    }
  });

  test("the probes ask what the gateway answers, and a stop has time to finish", () => {
    const manifest = template("deployment.yaml");
    const asked = [...manifest.matchAll(/path: (\/\w+z)$/gm)].map(([, path]) => path);
    expect(asked).toEqual(["/healthz", "/readyz", "/healthz"]);
    const gateway = readFileSync(new URL("../src/gateway/health.ts", DEPLOY), "utf8");
    for (const path of asked) expect(gateway).toContain(`app.get("${path}"`);
    expect(manifest).toContain(
      "terminationGracePeriodSeconds: {{ add .Values.shutdownGraceSeconds 15 }}",
    );
  });
});

describe("proxies", () => {
  const registry = registryOf(readDescriptors());

  test("Envoy translates all our services", () => {
    const text = read("envoy/envoy.yaml");
    const envoy = parse(text) as Tree;
    expect(envoy).toHaveProperty("static_resources.clusters");
    const transcoder = /services:\n((?: +- curfew\.v1\.\w+\n)+)/.exec(text)?.[1] ?? "";
    const named = [...transcoder.matchAll(/- (\S+)/g)].map(([, name]) => name ?? "").sort();
    const ours = [...registry]
      .filter((type) => type.kind === "service" && type.typeName.startsWith("curfew."))
      .map(({ typeName }) => typeName);
    expect(named).toEqual(ours.sort());
  });

  test("grpc-gateway registers all our services", () => {
    const [, go] = snippetsOf(read("grpc-gateway/README.md"));
    const registered = [...(go?.text ?? "").matchAll(/Register(\w+)HandlerFromEndpoint/g)];
    expect(registered.map(([, name]) => `curfew.v1.${name}`)).toEqual(
      ["AuthService", "SessionAdmin", "UserAdmin"].map((name) => `curfew.v1.${name}`),
    );
    expect(parse(read("grpc-gateway/buf.gen.yaml"))).toMatchObject({ version: "v2" });
  });
});

test("what pgbouncer.md says of Curfew's SQL is so", () => {
  const folder = new URL("../src/postgres/", DEPLOY);
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => [name, readFileSync(new URL(name, folder), "utf8")] as const);
  const having = (pattern: RegExp) =>
    sources.filter(([, text]) => pattern.test(text)).map(([name]) => name);
  expect(having(/pg_advisory_lock\(/)).toEqual([]);
  expect(having(/["'`](LISTEN|NOTIFY|PREPARE|SET (?!LOCAL))\b/)).toEqual([]);
  expect(having(/CREATE TEMP/i)).toEqual([]);
  expect(having(/statement_timeout/).sort()).toEqual([
    "connection_settings.ts",
    "database_check.ts",
    "migrate.ts",
  ]);
});
