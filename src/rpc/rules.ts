import type { DescMessage, DescMethod, FileRegistry } from "@bufbuild/protobuf";
import { Access, MethodRule as RuleOption } from "../../generated/curfew/options/v1/options.js";
import { fail } from "../core/errors.js";
import { registryOf } from "./descriptors.js";
import type { Check } from "./validation/check.js";
import { extensionOf, fieldOptionsReader, messageOption } from "./validation/field_options.js";
import { type MessageBounds, messageBounds } from "./validation/message_bounds.js";
import { messageChecks } from "./validation/message_check.js";

/** How the server treats calls of one method. */
export interface MethodRule {
  /** Full path: `/package.Service/Method`. */
  readonly path: string;
  /** The callers that may call it. UNSPECIFIED: none. */
  readonly access: Access;
  /** The longest time to work on one call, in milliseconds; 0: no limit (streams). */
  readonly deadlineMs: number;
  /** Whether either side sends more than one message. */
  readonly streaming: boolean;
  /** Whether requests say in `language` which language they want. */
  readonly localized: boolean;
  /** Judges a request; undefined: every request is acceptable. */
  readonly check: Check | undefined;
  /** The same, but of repeated messages in the request only how many there are. */
  readonly shallowCheck: Check | undefined;
  /** Most bytes of one request message in protobuf encoding, at most MAX_REQUEST_BYTES. */
  readonly requestBytes: number;
  /** Counts the fields of an encoded request before it is decoded; undefined: nothing is counted. */
  readonly countFields: MessageBounds["countFields"] | undefined;
}

/** The most that any method takes: ValidateTokens takes 4 MiB and its framing. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024 + 64 * 1024;

/** For methods whose request types are not in the descriptors: health, reflection. */
const FOREIGN_REQUEST_BYTES = 16 * 1024;

export interface Rules {
  readonly methods: readonly MethodRule[];
  /** The rule of a method. A method that is not in the descriptors gets a rule that admits no caller. */
  of(path: string): MethodRule;
  /** The check of a message type by its full name. @throws Error for a type not in the descriptors */
  checkOf(typeName: string): Check | undefined;
}

export interface RulesOptions {
  /** Deadline of unary methods that declare none, in milliseconds. */
  readonly defaultDeadlineMs?: number;
}

/** An undeclared method admits no caller (house, point 5). */
export const closedRule = (path: string): MethodRule => ({
  path,
  access: Access.UNSPECIFIED,
  deadlineMs: 1000,
  streaming: false,
  localized: false,
  check: undefined,
  shallowCheck: undefined,
  requestBytes: FOREIGN_REQUEST_BYTES,
  countFields: undefined,
});

/**
 * For methods of standard services, such as health, that anybody may call.
 *
 * @param streamMs milliseconds until a stream ends
 */
export const openRule = (path: string, streaming: boolean, streamMs: number): MethodRule => ({
  ...closedRule(path),
  access: Access.PUBLIC,
  deadlineMs: streaming ? streamMs : 1000,
  streaming,
});

const methodsOf = (registry: FileRegistry): DescMethod[] =>
  [...registry].flatMap((type) => (type.kind === "service" ? type.methods : []));

/** A request without any is bounded well enough by its bytes. */
const hasLists = ({ fields }: DescMessage): boolean =>
  fields.some(({ fieldKind }) => fieldKind !== "scalar" && fieldKind !== "enum");

/** Reads the rules of all methods from their descriptors, once, at start. */
export const readRules = (
  descriptors: Uint8Array,
  { defaultDeadlineMs = 5000 }: RulesOptions = {},
): Rules => {
  const registry = registryOf(descriptors);
  const ruleOption = extensionOf(registry, "curfew.options.v1.rule");
  const optionsOf = fieldOptionsReader(registry);
  const checks = messageChecks(optionsOf);
  const boundsOf = messageBounds(optionsOf);

  const ruleOf = (method: DescMethod): MethodRule => {
    const declared = RuleOption.decode(messageOption(ruleOption, method) ?? new Uint8Array());
    const streaming = method.methodKind !== "unary";
    const { bytes, countFields } = boundsOf(method.input);
    return {
      path: `/${method.parent.typeName}/${method.name}`,
      access: declared.access,
      deadlineMs: declared.deadlineMs || (streaming ? 0 : defaultDeadlineMs),
      streaming,
      localized: method.input.fields.some((field) => field.localName === "language"),
      check: checks.deep(method.input),
      shallowCheck: checks.shallow(method.input),
      requestBytes: Math.min(bytes, MAX_REQUEST_BYTES),
      countFields: hasLists(method.input) ? countFields : undefined,
    };
  };

  const methods = methodsOf(registry).map(ruleOf);
  const byPath = new Map(methods.map((rule) => [rule.path, rule]));
  return {
    methods,
    of: (path) => byPath.get(path) ?? closedRule(path),
    checkOf: (typeName) => {
      const type = registry.getMessage(typeName);
      if (type === undefined) throw new Error(`the descriptors have no message ${typeName}`);
      return checks.deep(type);
    },
  };
};

/** @throws CurfewError INVALID_ARGUMENT with the violations that the check finds */
export const enforce = (check: Check | undefined, request: unknown): void => {
  const violations = check?.(request);
  if (violations !== undefined) throw fail("INVALID_ARGUMENT", { violations });
};
