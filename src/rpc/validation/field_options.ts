import {
  type DescExtension,
  type DescField,
  type FileRegistry,
  getOption,
  hasOption,
  toBinary,
} from "@bufbuild/protobuf";
import { FieldBounds } from "../../../generated/curfew/options/v1/options.js";
import { FieldBehavior } from "../../../generated/google/api/field_behavior.js";

/** The options of a field about its values. */
export interface FieldOptions {
  readonly required: boolean;
  /** Zero values where nothing is said. */
  readonly bounds: FieldBounds;
}

export type ReadFieldOptions = (field: DescField) => FieldOptions;

/** The extension of that name. @throws Error if the descriptor set lacks it */
export const extensionOf = (registry: FileRegistry, name: string): DescExtension => {
  const extension = registry.getExtension(name);
  if (extension === undefined) {
    throw new Error(`the descriptor set lacks the option ${name}: build it with all imports`);
  }
  return extension;
};

/** The bytes of an option that is a message; undefined where it is not set. */
export const messageOption = (
  extension: DescExtension,
  on: Parameters<typeof getOption>[0],
): Uint8Array | undefined => {
  if (extension.fieldKind !== "message" || !hasOption(on, extension)) return undefined;
  const value = getOption(on, extension);
  return toBinary(extension.message, value as Parameters<typeof toBinary>[1]);
};

/** Reads `curfew.options.v1.bounds` and `google.api.field_behavior`. */
export const fieldOptionsReader = (registry: FileRegistry): ReadFieldOptions => {
  const bounds = extensionOf(registry, "curfew.options.v1.bounds");
  const behavior = extensionOf(registry, "google.api.field_behavior");
  return (field) => {
    const behaviors: unknown = getOption(field, behavior);
    return {
      required: Array.isArray(behaviors) && behaviors.includes(FieldBehavior.REQUIRED),
      bounds: FieldBounds.decode(messageOption(bounds, field) ?? new Uint8Array()),
    };
  };
};
