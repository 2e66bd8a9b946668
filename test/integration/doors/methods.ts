import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  toBinary,
} from "@bufbuild/protobuf";
import { readDescriptors, registryOf } from "../../../src/rpc/descriptors.js";
import { type MethodRule, readRules } from "../../../src/rpc/rules.js";

/** A method as its descriptor describes it. */
export interface Method {
  /** `Service.Method`, for the names of tests. */
  readonly name: string;
  readonly path: string;
  readonly rule: MethodRule;
  readonly input: DescMessage;
}

const registry = registryOf(readDescriptors());
const rules = readRules(readDescriptors());

const methodOf = (descriptor: DescMethod): Method => {
  const path = `/${descriptor.parent.typeName}/${descriptor.name}`;
  const name = `${descriptor.parent.name}.${descriptor.name}`;
  return { name, path, rule: rules.of(path), input: descriptor.input };
};

/** Every method of every service in the descriptors, so that a new one is tested from its first day. */
export const METHODS: readonly Method[] = [...registry].flatMap((type) =>
  type.kind === "service" ? type.methods.map(methodOf) : [],
);

/** Gives fields their values by name; undefined leaves a field as it is. */
export type Fill = (field: DescField) => unknown;

const isMessage = (field: DescField): field is DescField & { readonly message: DescMessage } =>
  field.message !== undefined && field.fieldKind !== "map";

const isWellKnown = ({ typeName }: DescMessage): boolean => typeName.startsWith("google.protobuf.");

const initOf = (type: DescMessage, fill: Fill): Record<string, unknown> => {
  const init: Record<string, unknown> = {};
  for (const field of type.fields) {
    const value =
      isMessage(field) && !isWellKnown(field.message) ? initOf(field.message, fill) : fill(field);
    if (value === undefined) continue;
    init[field.localName] = field.fieldKind === "list" ? [value] : value;
  }
  return init;
};

/** A request in bytes, its fields filled by name, also inside of messages. */
export const encodeRequest = (type: DescMessage, fill: Fill): Uint8Array =>
  toBinary(type, create(type, initOf(type, fill)));

/** The names of all fields of a request, also inside of messages. */
export const fieldNames = (type: DescMessage): string[] =>
  type.fields.flatMap((field) => [
    field.name,
    ...(isMessage(field) && !isWellKnown(field.message) ? fieldNames(field.message) : []),
  ]);
