import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Binding } from "../binding.js";
import { findField } from "../field_path.js";
import { issuesTokens } from "../session_exchange.js";
import type { Schema, SchemaWriter } from "./schema.js";

/** Messages that a query parameter can hold as one text. */
const TEXT_MESSAGES = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
]);

interface Leaf {
  readonly path: string;
  readonly field: DescField;
}

const leaves = (message: DescMessage, prefix: string, seen: readonly DescMessage[]): Leaf[] =>
  message.fields.flatMap((field): Leaf[] => {
    const path = `${prefix}${field.name}`;
    if (field.fieldKind === "map") return [];
    if (!field.message || TEXT_MESSAGES.has(field.message.typeName)) return [{ path, field }];
    if (field.fieldKind === "list" || seen.includes(field.message)) return [];
    return leaves(field.message, `${path}.`, [...seen, field.message]);
  });

/** The name of a path's variable in the document: its last part. */
export const variableName = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

const parameter = (
  where: "path" | "query",
  { path, field }: Leaf,
  schemas: SchemaWriter,
): Schema => {
  const { description, ...schema } = schemas.field(field);
  return {
    name: where === "path" ? variableName(path) : path,
    in: where,
    ...(where === "path" ? { required: true } : {}),
    ...(description ? { description } : {}),
    schema,
  };
};

const SESSION_MODE: Schema = {
  name: "X-Session-Mode",
  in: "header",
  description:
    "`cookie`: the tokens come as `__Host-` cookies that no script can read, and not in the body.",
  schema: { type: "string", enum: ["bearer", "cookie"], default: "bearer" },
};

/** Parameters of a binding: what its path names, and all that is in neither path nor body. */
export const parametersOf = (
  { rpc, template, body }: Binding,
  schemas: SchemaWriter,
): readonly Schema[] => {
  const { input } = rpc.method;
  const inPath = template.variables.map((path): Leaf => {
    const field = findField(input, path)?.at(-1);
    if (!field) throw new Error(`${path} is not a field of ${input.typeName}`);
    return { path, field };
  });
  const inQuery =
    body === "*"
      ? []
      : leaves(input, "", [input]).filter(
          ({ path }) =>
            !template.variables.includes(path) &&
            !(body && (path === body.name || path.startsWith(`${body.name}.`))),
        );
  return [
    ...inPath.map((leaf) => parameter("path", leaf, schemas)),
    ...inQuery.map((leaf) => parameter("query", leaf, schemas)),
    ...(issuesTokens(rpc) ? [SESSION_MODE] : []),
  ];
};
