import { type FileRegistry, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Binding } from "./binding.js";

/** Turns the bytes of a response into its JSON. */
export type ResponseReader = (binding: Binding, bytes: Uint8Array) => JsonValue;

/**
 * Makes the reader: ProtoJSON with proto field names, where fields without
 * presence are always written and 64-bit integers are strings. With
 * `response_body` the answer is that field alone, `null` if it is not set.
 *
 * @param registry resolves `google.protobuf.Any`
 */
export const createResponseReader = (registry: FileRegistry): ResponseReader => {
  const options = { registry, useProtoFieldName: true, alwaysEmitImplicit: true } as const;
  return ({ rpc, responseBody }, bytes) => {
    const { output } = rpc.method;
    const message = fromBinary(output, bytes);
    if (responseBody?.fieldKind === "message") {
      const fields = reflect(output, message);
      return fields.isSet(responseBody)
        ? toJson(responseBody.message, fields.get(responseBody).message, options)
        : null;
    }
    const json = toJson(output, message, options);
    if (!responseBody) return json;
    return (json as { [key: string]: JsonValue })[responseBody.name] ?? null;
  };
};
