import {
  type DescField,
  type FileRegistry,
  getOption,
  hasOption,
  toBinary,
} from "@bufbuild/protobuf";
import { FieldBounds } from "../../../generated/curfew/options/v1/options.js";

/** The rules of the descriptors for the values of a field. */
export interface FieldRules {
  /** Bounds; zero values where there are none. */
  readonly bounds: FieldBounds;
  readonly required: boolean;
}

const REQUIRED = 2;

/** Reads the rules of fields by the extensions in the descriptor set. */
export const fieldRulesReader = (registry: FileRegistry): ((field: DescField) => FieldRules) => {
  const bounds = registry.getExtension("curfew.options.v1.bounds");
  const behavior = registry.getExtension("google.api.field_behavior");
  const boundsOf = (field: DescField): Uint8Array => {
    if (bounds?.fieldKind !== "message" || !hasOption(field, bounds)) return new Uint8Array();
    return toBinary(bounds.message, getOption(field, bounds) as Parameters<typeof toBinary>[1]);
  };
  const behaviorsOf = (field: DescField): readonly number[] =>
    behavior && hasOption(field, behavior) ? (getOption(field, behavior) as number[]) : [];
  return (field) => ({
    bounds: FieldBounds.decode(boundsOf(field)),
    required: behaviorsOf(field).includes(REQUIRED),
  });
};
