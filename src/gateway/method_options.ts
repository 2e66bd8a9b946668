import {
  type DescMethod,
  type FileRegistry,
  getOption,
  hasOption,
  toBinary,
} from "@bufbuild/protobuf";
import { MethodRule } from "../../generated/curfew/options/v1/options.js";
import { HttpRule } from "../../generated/google/api/http.js";

/** The options of a method that the gateway acts on. */
export interface MethodOptions {
  /** How to call it over HTTP. Absent: not at all. */
  readonly http: HttpRule | undefined;
  /** Access class and deadline; zero values if the method declares none. */
  readonly rule: MethodRule;
}

/**
 * Reads method options by the extensions in the descriptor set.
 *
 * @throws Error if the set lacks one of the extensions
 */
export const methodOptionsReader = (
  registry: FileRegistry,
): ((method: DescMethod) => MethodOptions) => {
  const reader = (name: string) => {
    const extension = registry.getExtension(name);
    if (extension?.fieldKind !== "message") {
      throw new Error(`the descriptor set lacks the option ${name}; build it with all imports`);
    }
    return (method: DescMethod): Uint8Array | undefined => {
      if (!hasOption(method, extension)) return undefined;
      const value = getOption(method, extension);
      return toBinary(extension.message, value as Parameters<typeof toBinary>[1]);
    };
  };
  const http = reader("google.api.http");
  const rule = reader("curfew.options.v1.rule");
  return (method) => {
    const httpBytes = http(method);
    return {
      http: httpBytes && HttpRule.decode(httpBytes),
      rule: MethodRule.decode(rule(method) ?? new Uint8Array()),
    };
  };
};
