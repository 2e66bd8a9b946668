import type { DescField, DescMessage, FileRegistry } from "@bufbuild/protobuf";
import type { Binding } from "../binding.js";
import { type FieldRules, fieldRulesReader } from "../openapi/field_rules.js";

/** The limits on the body of a binding. */
export interface BodyBounds {
  readonly bytes: number;
  /** Members of objects and elements of arrays, of all levels together. */
  readonly elements: number;
}

/** Most bytes of a body that is no batch: 64 KiB. Larger ones are read for callers with a good credential alone. */
export const SINGLE_BYTES = 64 * 1024;
/** Most bytes of any body: 4 MiB of values and the JSON around them. */
const BATCH_BYTES = 5 * 1024 * 1024;
/** The JSON of a character may be six bytes, and a timestamp takes twice its encoded size. */
const JSON_TO_PROTO = 3;

/** Elements of a list, and of a map, that declares no bound. */
const DEFAULT_ITEMS = 1000;
const MAX_DEPTH = 8;
/** Members that are no fields are named one by one, as far as these go. */
const SLACK = 64;

/** A request with a list of messages. */
const isBatch = ({ fields }: DescMessage): boolean =>
  fields.some((field) => field.fieldKind === "list" && field.message);

const elementsOf = (
  message: DescMessage,
  rulesOf: (field: DescField) => FieldRules,
  depth = 0,
): number => {
  if (depth > MAX_DEPTH) return 0;
  let elements = 0;
  for (const field of message.fields) {
    const inner = field.message ? elementsOf(field.message, rulesOf, depth + 1) : 0;
    const repeated = field.fieldKind === "list" || field.fieldKind === "map";
    const items = repeated ? rulesOf(field).bounds.maxItems || DEFAULT_ITEMS : 1;
    elements += 1 + items * (1 + inner);
  }
  return elements;
};

/**
 * Computes the bounds of each binding's body from the bounds of its request's fields.
 *
 * @param requestBytes most bytes of a method's request in protobuf encoding, by its gRPC path;
 *   absent: not known
 */
export const bodyBoundsReader = (
  registry: FileRegistry,
  requestBytes: ((path: string) => number) | undefined,
): ((binding: Binding) => BodyBounds) => {
  const rulesOf = fieldRulesReader(registry);
  const known = new WeakMap<object, BodyBounds>();
  return ({ rpc }) => {
    const { input } = rpc.method;
    const found = known.get(rpc);
    if (found !== undefined) return found;
    const most = isBatch(input) ? BATCH_BYTES : SINGLE_BYTES;
    const encoded = requestBytes?.(rpc.path) ?? most;
    const bytes = Math.min(most, Math.max(4096, JSON_TO_PROTO * encoded));
    const bounds = { bytes, elements: elementsOf(input, rulesOf) + SLACK };
    known.set(rpc, bounds);
    return bounds;
  };
};
