import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { fieldOptionsReader } from "../../../../src/rpc/validation/field_options.js";
import { type Case, reads } from "./case.js";
import { type HttpMethod, registry } from "./http_method.js";
import type { JsonObject } from "./question.js";

const optionsOf = fieldOptionsReader(registry);

/** A value that a field does not take; undefined: the field is left out. */
interface BadValue {
  readonly path: string;
  readonly what: string;
  readonly value: JsonValue | undefined;
}

const element = ({ message }: DescField): JsonValue => (message ? {} : "x");

function* ofField(field: DescField, path: string): Generator<BadValue> {
  const { required, bounds } = optionsOf(field);
  if (required) yield { path, what: "missing", value: undefined };
  if (bounds.maxItems > 0) {
    const value = Array.from({ length: bounds.maxItems + 1 }, () => element(field));
    yield { path, what: "with too many elements", value };
  }
  if (bounds.maxLength > 0) {
    const long = "ä".repeat(bounds.maxLength + 1);
    yield { path, what: "too long", value: field.fieldKind === "list" ? ["x", long] : long };
  }
  if (bounds.min !== undefined) yield { path, what: "too small", value: Number(bounds.min) - 1 };
  if (bounds.max !== undefined) yield { path, what: "too great", value: Number(bounds.max) + 1 };
  if (field.fieldKind === "message") yield* ofMessage(field.message, `${path}.`);
}

function* ofMessage({ typeName, fields }: DescMessage, prefix: string): Generator<BadValue> {
  if (typeName.startsWith("google.protobuf.")) return;
  for (const field of fields) yield* ofField(field, `${prefix}${field.name}`);
}

/** The names of the fields that a field excludes, since all belong to one `oneof`. */
const excludedBy = ({ fields }: DescMessage, name: string): string[] => {
  const members = fields.find((field) => field.name === name)?.oneof?.fields ?? [];
  return members.map((member) => member.name).filter((member) => member !== name);
};

/** A request with a value in place of what it has at a path; undefined: without the field. */
const put = (
  message: JsonObject,
  path: string,
  value: JsonValue | undefined,
  description: DescMessage,
): JsonObject => {
  const [first = "", ...rest] = path.split(".");
  const copy = { ...message };
  for (const excluded of excludedBy(description, first)) delete copy[excluded];
  const inner = description.fields.find((field) => field.name === first)?.message;
  if (rest.length > 0 && inner) {
    copy[first] = put((copy[first] as JsonObject | undefined) ?? {}, rest.join("."), value, inner);
  } else if (value === undefined) delete copy[first];
  else copy[first] = value;
  return copy;
};

/** Whether a path of REST cannot be written without this field. */
const isInPath = ({ routes }: HttpMethod, field: string): boolean =>
  routes.some(({ path }) => path.includes(`{${field}`));

/** A good question with each field at a value that the bounds in its descriptor forbid. */
export const boundsCases = (method: HttpMethod, good: Case): Case[] =>
  [...ofMessage(method.descriptor.input, "")]
    .filter(({ path, value }) => value !== undefined || !isInPath(method, path))
    .map(({ path, what, value }) =>
      reads(`${path} ${what}`, "INVALID_ARGUMENT", async (stage) => {
        const question = await good.ask(stage);
        return {
          ...question,
          request: put(question.request, path, value, method.descriptor.input),
        };
      }),
    );
