import type { JsonValue } from "@bufbuild/protobuf";

/** A message as ProtoJSON by proto names. */
export type JsonObject = { [name: string]: JsonValue };

/** One call, whatever carries it. */
export interface Question {
  readonly request: JsonObject;
  /** Value of `authorization`. Absent: none. */
  readonly authorization?: string | undefined;
}

/** The outcome of a call, in terms that both transports have. */
export type Outcome =
  | { readonly kind: "answer"; readonly message: JsonValue }
  | {
      readonly kind: "failure";
      /** The HTTP status that this is, or that the contract gives its gRPC code; NaN: neither. */
      readonly status: number;
      readonly reason: string;
      readonly text: string;
      readonly language: string;
      readonly metadata: Readonly<Record<string, string>>;
      readonly violations: JsonValue;
      /** Seconds until a retry helps, rounded up; null: it does not. */
      readonly retryAfter: number | null;
    };
