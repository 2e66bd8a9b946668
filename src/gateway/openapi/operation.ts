import type { DescField } from "@bufbuild/protobuf";
import type { Reason } from "../../core/errors.js";
import type { Binding } from "../binding.js";
import type { CommentReader } from "./comments.js";
import type { FieldRules } from "./field_rules.js";
import { parametersOf } from "./parameters.js";
import { bodyResponses, problemResponses, reasonsOf } from "./problems.js";
import type { Schema, SchemaWriter } from "./schema.js";
import { checksCookies, securityOf } from "./security.js";

/** What operations are written with. */
export interface OperationParts {
  readonly schemas: SchemaWriter;
  readonly commentOf: CommentReader;
  readonly rulesOf: (field: DescField) => FieldRules;
  readonly reasonTexts: ReadonlyMap<string, string>;
}

const requestSchema = ({ rpc, body, template }: Binding, schemas: SchemaWriter): Schema => {
  const { input } = rpc.method;
  if (typeof body === "object") return schemas.field(body);
  const fields = input.fields.filter(({ name }) => !template.variables.includes(name));
  return fields.length === input.fields.length && fields.length > 0
    ? schemas.message(input)
    : schemas.object(input, fields);
};

/** Whether a request without a body is refused: a field that must be set is in it. */
const needsBody = ({ rpc, body, template }: Binding, { rulesOf }: OperationParts): boolean =>
  typeof body === "object" ||
  rpc.method.input.fields.some(
    (field) => rulesOf(field).required && !template.variables.includes(field.name),
  );

const requestBody = (binding: Binding, parts: OperationParts): Schema => {
  if (!binding.body) return {};
  const schema = requestSchema(binding, parts.schemas);
  return {
    requestBody: {
      required: needsBody(binding, parts),
      content: { "application/json": { schema } },
    },
  };
};

const answerContent = ({ rpc, responseBody }: Binding, schemas: SchemaWriter): Schema => {
  const schema = responseBody
    ? schemas.field(responseBody, "answer")
    : schemas.message(rpc.method.output, "answer");
  return rpc.method.methodKind === "unary"
    ? { "application/json": { schema } }
    : { "application/x-ndjson": { schema }, "text/event-stream": { schema } };
};

const failuresOf = (binding: Binding, commentOf: CommentReader): Reason[] => {
  const reasons = new Set(reasonsOf(binding.rpc, commentOf));
  if (checksCookies(binding)) reasons.add("PERMISSION_DENIED");
  return [...reasons];
};

/** The first sentence of a comment. */
const summaryOf = (comment: string): string =>
  /^.*?\.(?=\s|$)/s.exec(comment)?.[0].replace(/\s+/g, " ") ?? comment;

/**
 * One operation of the document.
 *
 * @param occurrence 0 for the method's first binding, which gets its plain name
 */
export const operationOf = (
  binding: Binding,
  occurrence: number,
  parts: OperationParts,
): Schema => {
  const { schemas, commentOf, reasonTexts } = parts;
  const { rpc } = binding;
  const comment = commentOf(rpc.method);
  const service = rpc.method.parent.name;
  return {
    operationId: `${service}_${rpc.method.name}${occurrence > 0 ? `_${occurrence + 1}` : ""}`,
    tags: [service],
    summary: summaryOf(comment),
    description: comment,
    security: securityOf(binding),
    parameters: parametersOf(binding, schemas),
    ...requestBody(binding, parts),
    responses: {
      200: { description: "OK", content: answerContent(binding, schemas) },
      ...problemResponses(failuresOf(binding, commentOf), reasonTexts),
      ...(binding.body ? bodyResponses() : {}),
    },
  };
};
