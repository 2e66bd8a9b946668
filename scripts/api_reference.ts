import type { DescEnum, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { Access } from "../generated/curfew/options/v1/options.js";
import type { HttpRule } from "../generated/google/api/http.js";
import { methodOptionsReader } from "../src/gateway/method_options.js";
import { createCommentReader } from "../src/gateway/openapi/comments.js";
import { fieldRulesReader } from "../src/gateway/openapi/field_rules.js";
import { registryOf } from "../src/rpc/descriptors.js";

const WHO: Readonly<Record<number, string>> = {
  [Access.UNSPECIFIED]: "nobody",
  [Access.PUBLIC]: "anybody",
  [Access.SESSION]: "a signed-in user",
  [Access.SERVICE]: "a service",
  [Access.SERVICE_OR_SESSION]: "a service, or a signed-in user for the own session",
  [Access.ADMIN]: "an administrator",
  [Access.ISSUER]: "a service with the scope `issue`",
};

const CARDINALITY = {
  unary: "",
  server_streaming: "stream ",
  client_streaming: "",
  bidi_streaming: "stream ",
};

const SERVICES = ["AuthService", "SessionAdmin", "UserAdmin"];

/** A comment in the cell of a table. */
const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ").replaceAll("|", "\\|");

const routesOf = (http: HttpRule): string[] =>
  [http, ...http.additionalBindings].flatMap(({ pattern }) =>
    pattern === undefined || pattern.$case === "custom"
      ? []
      : [`\`${pattern.$case.toUpperCase()} ${pattern.value}\``],
  );

const typeOf = (field: DescField): string => {
  const plain = (): string => {
    const message = field.message ?? field.enum;
    if (message === undefined)
      return field.scalar === undefined ? "" : (SCALARS[field.scalar] ?? "");
    const name = message.typeName.replace(/^curfew\.v1\./, "");
    return message.file.proto.package === "curfew.v1" ? `[${name}](#${anchor(name)})` : name;
  };
  return field.fieldKind === "list" ? `repeated ${plain()}` : plain();
};

/** Scalar types by their number in descriptor.proto. */
const SCALARS: Readonly<Record<number, string>> = {
  3: "int64",
  5: "int32",
  8: "bool",
  9: "string",
  12: "bytes",
  13: "uint32",
};

/** Requests and responses stand under their methods. */
const anchor = (name: string): string =>
  name
    .replace(/(Request|Response)$/, "")
    .toLowerCase()
    .replaceAll(".", "");

/**
 * The reference of the interface as Markdown, made from the comments and
 * options of the proto files.
 */
export const renderApiReference = (descriptors: Uint8Array): string => {
  const registry = registryOf(descriptors);
  const comment = createCommentReader();
  const optionsOf = methodOptionsReader(registry);
  const rulesOf = fieldRulesReader(registry);

  const limits = (field: DescField): string => {
    const { bounds, required } = rulesOf(field);
    const facts = [
      ...(required ? ["required"] : []),
      ...(bounds.maxLength > 0 ? [`at most ${bounds.maxLength} characters`] : []),
      ...(bounds.maxItems > 0 ? [`at most ${bounds.maxItems} items`] : []),
      ...(bounds.min === undefined ? [] : [`from ${bounds.min}`]),
      ...(bounds.max === undefined ? [] : [`to ${bounds.max}`]),
    ];
    return facts.length === 0 ? "" : ` (${facts.join(", ")})`;
  };
  const fieldTable = (message: DescMessage): string[] =>
    message.fields.length === 0
      ? ["No fields."]
      : [
          "| field | type | meaning |",
          "| --- | --- | --- |",
          ...message.fields.map(
            (field) =>
              `| \`${field.name}\` | ${typeOf(field)} | ${oneLine(comment(field))}${limits(field)} |`,
          ),
        ];
  const method = (rpc: DescMethod): string[] => {
    const { http, rule } = optionsOf(rpc);
    const stream = CARDINALITY[rpc.methodKind];
    return [
      `### ${rpc.name}`,
      "",
      comment(rpc),
      "",
      `May be called by ${WHO[rule.access] ?? "nobody"}. ${http === undefined ? "Not over REST." : `REST: ${routesOf(http).join(", ")}.`}`,
      "",
      `Request${rpc.methodKind === "bidi_streaming" ? " (stream)" : ""}:`,
      "",
      ...fieldTable(rpc.input),
      "",
      `Response${stream === "" ? "" : " (stream)"}:`,
      "",
      ...fieldTable(rpc.output),
      "",
    ];
  };
  const service = (found: DescService): string[] => [
    `## ${found.name}`,
    "",
    comment(found),
    "",
    ...found.methods.flatMap(method),
  ];
  const enumeration = (found: DescEnum, title: string): string[] => [
    `### ${title}`,
    "",
    comment(found),
    "",
    ...found.values
      .filter((value) => value.number !== 0)
      .map((value) => `- \`${value.name}\`: ${oneLine(comment(value))}`),
    "",
  ];

  const services = SERVICES.flatMap((name) => registry.getService(`curfew.v1.${name}`) ?? []);
  const wrappers = new Set(
    services.flatMap(({ methods }) => methods.flatMap((rpc) => [rpc.input, rpc.output])),
  );
  const shared = [...registry]
    .filter((type) => type.typeName.startsWith("curfew.v1.") && !wrappers.has(type as DescMessage))
    .sort((left, right) => (left.typeName < right.typeName ? -1 : 1));
  const types = shared.flatMap((type) => {
    const title = type.typeName.replace(/^curfew\.v1\./, "");
    if (type.kind === "enum") return enumeration(type, title);
    if (type.kind !== "message") return [];
    return [
      `### ${title}`,
      "",
      comment(type),
      "",
      ...(type.fields.length === 0 ? [] : [...fieldTable(type), ""]),
    ];
  });
  return [
    "# API reference",
    "",
    "<!-- Made from proto/curfew/v1 by scripts/docs.ts; a test compares it. -->",
    "",
    "Package `curfew.v1`. REST bodies are ProtoJSON with the names below; times are RFC 3339, 64-bit numbers are text. Every failure carries an [ErrorReason](#errorreason) as `google.rpc.ErrorInfo.reason`, over REST as `code` in lower case. Also served: `grpc.health.v1.Health`, and reflection where `REFLECTION` is on.",
    "",
    ...services.flatMap(service),
    "## Types",
    "",
    ...types,
  ]
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trimEnd()
    .concat("\n");
};
