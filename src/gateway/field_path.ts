import type { DescField, DescMessage } from "@bufbuild/protobuf";

/**
 * The fields that a dotted path like `filter.user_id` walks through, by proto
 * names or JSON names; undefined if it leads nowhere.
 */
export const findField = (
  message: DescMessage,
  path: string,
): readonly [DescField, ...DescField[]] | undefined => {
  const fields: DescField[] = [];
  let within: DescMessage | undefined = message;
  for (const name of path.split(".")) {
    const field: DescField | undefined = within?.fields.find(
      (candidate) => candidate.name === name || candidate.jsonName === name,
    );
    if (!field) return undefined;
    fields.push(field);
    within = field.fieldKind === "message" ? field.message : undefined;
  }
  const [first, ...rest] = fields;
  return first && [first, ...rest];
};
