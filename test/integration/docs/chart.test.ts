import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Manifest, startHelm } from "../../support/helm_chart.js";

const CHART = fileURLToPath(new URL("../../../deploy/helm/curfew", import.meta.url));
/** Kinds of operators that Kubernetes itself does not know. */
const FOREIGN = new Set(["PodMonitor"]);

let helm: ReturnType<typeof startHelm>;
beforeAll(() => {
  helm = startHelm(CHART);
}, 180_000);
afterAll(() => helm?.close());

interface Model {
  validate(): void;
}
const require = createRequire(import.meta.url);

/** By the schema of the Kubernetes API. */
const validate = (manifest: Manifest): void => {
  const models = require(`kubernetes-models/${manifest.apiVersion}`) as Record<
    string,
    new (
      manifest: Manifest,
    ) => Model
  >;
  const Model = models[manifest.kind];
  if (Model === undefined) throw new Error(`${manifest.apiVersion} has no ${manifest.kind}`);
  new Model(manifest).validate();
};

const NEEDED = { existingSecret: "stores", config: { JWT_ISSUER: "https://login.example.com" } };
const BASE = [
  "ConfigMap prod",
  "Deployment prod",
  "Job prod-migrate",
  "Service prod",
  "Service prod-headless",
];

test.each<[string, object, string[]]>([
  ["the defaults", NEEDED, [...BASE, "PodDisruptionBudget prod", "ServiceAccount prod"]],
  [
    "own secrets, mTLS and an ingress",
    {
      config: { ...NEEDED.config, MAX_CONCURRENT_SESSIONS: 3 },
      secrets: { DATABASE_URL: "postgres://h/d", REDIS_URL: "redis://h", KEY_ENCRYPTION_KEY: "x" },
      tls: { enabled: true, secretName: "curfew-tls", mutual: true },
      ingress: { enabled: true, host: "login.example.com" },
    },
    [...BASE, "Ingress prod", "PodDisruptionBudget prod", "Secret prod", "ServiceAccount prod"],
  ],
  [
    "everything that can be set",
    {
      ...NEEDED,
      autoscaling: { enabled: true },
      metrics: { annotations: false, podMonitor: true },
      ingress: {
        enabled: true,
        host: "login.example.com",
        className: "nginx",
        tlsSecretName: "login-tls",
        annotations: { "example.com/a": "b" },
      },
      podDisruptionBudget: { enabled: true, maxUnavailable: "25%" },
      nodeSelector: { disk: "ssd" },
      tolerations: [{ key: "a", operator: "Exists" }],
      affinity: { nodeAffinity: {} },
      imagePullSecrets: [{ name: "registry" }],
      service: { annotations: { "example.com/c": "d" } },
      podAnnotations: { "example.com/e": "f" },
      serviceAccount: { create: false, name: "auth" },
    },
    [
      ...BASE,
      "HorizontalPodAutoscaler prod",
      "Ingress prod",
      "PodDisruptionBudget prod",
      "PodMonitor prod",
    ],
  ],
  [
    "nothing that can be left out",
    { ...NEEDED, migrations: { enabled: false }, podDisruptionBudget: { enabled: false } },
    [...BASE.filter((name) => !name.startsWith("Job")), "ServiceAccount prod"],
  ],
])("%s: every manifest is what Kubernetes takes", (_case, values, expected) => {
  const manifests = helm.render(values);
  const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(names.toSorted()).toEqual(expected.toSorted());
  for (const manifest of manifests) {
    if (!FOREIGN.has(manifest.kind)) validate(manifest);
  }
});

test("a manifest that Kubernetes would refuse is noticed", () => {
  const [deployment] = helm.render(NEEDED).filter(({ kind }) => kind === "Deployment");
  if (deployment === undefined) throw new Error("the chart has no deployment");
  expect(() => validate({ ...deployment, spec: { replicas: "two" } } as Manifest)).toThrow();
});
