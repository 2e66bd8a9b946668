import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type FieldViolation, invalidField } from "../../core/errors.js";
import { MALFORMED_REQUEST } from "./check.js";
import type { ReadFieldOptions } from "./field_options.js";

/** How large an encoded request of a type may be, known before it is decoded (D8). */
export interface MessageBounds {
  /** Most bytes of its protobuf encoding. */
  readonly bytes: number;
  /** Counts the fields of an encoded message without decoding it; undefined: not too many. */
  readonly countFields: (encoded: Uint8Array) => FieldViolation | undefined;
}

/** Bytes of text that the schema does not bound: access tokens, whose form is judged later. */
const UNBOUNDED_TEXT_BYTES = 16 * 1024;
/** Bytes of a list, and of a message inside itself, that the schema does not bound. */
const UNBOUNDED_LIST_BYTES = 64 * 1024;
const UNBOUNDED_LIST_ITEMS = 1000;
/** Room for fields that a newer client knows and this server does not. */
const UNKNOWN_FIELDS = 256;
const UNKNOWN_FIELD_BYTES = 4096;
/** A code point in UTF-8, a varint of 64 bits, and one of 32 bits. */
const CODE_POINT_BYTES = 4;
const VARINT_BYTES = 10;
const LENGTH_BYTES = 5;

const scalarBytes = (type: ScalarType, maxLength: number): number => {
  switch (type) {
    case ScalarType.STRING:
      return LENGTH_BYTES + (maxLength > 0 ? CODE_POINT_BYTES * maxLength : UNBOUNDED_TEXT_BYTES);
    case ScalarType.BYTES:
      return LENGTH_BYTES + (maxLength || UNBOUNDED_TEXT_BYTES);
    default:
      return VARINT_BYTES;
  }
};

/** The permitted content of a message type. */
interface Shape {
  readonly bytes: number;
  /** Most fields, those of messages inside included. */
  readonly fieldCount: number;
  /** By field number: lists with a bound, and messages to look into. */
  readonly fields: ReadonlyMap<number, FieldShape>;
}

interface FieldShape {
  readonly name: string;
  /** 0: no bound. */
  readonly maxItems: number;
  readonly inner: Shape | undefined;
}

const NOTHING_KNOWN: Shape = {
  bytes: UNBOUNDED_LIST_BYTES,
  fieldCount: UNBOUNDED_LIST_ITEMS,
  fields: new Map(),
};

/** Makes the bounds of request types from the options of their fields. */
export const messageBounds = (
  optionsOf: ReadFieldOptions,
): ((type: DescMessage) => MessageBounds) => {
  const made = new Map<string, Shape>();

  const elementOf = (field: DescField, maxLength: number) => {
    const tagBytes = field.number < 16 ? 1 : LENGTH_BYTES;
    if (field.fieldKind === "map") return { bytes: UNBOUNDED_TEXT_BYTES, inner: undefined };
    if (field.message !== undefined) {
      const inner = shapeOf(field.message);
      return { bytes: tagBytes + LENGTH_BYTES + inner.bytes, inner };
    }
    const type = field.scalar ?? ScalarType.INT64;
    return { bytes: tagBytes + scalarBytes(type, maxLength), inner: undefined };
  };

  const shapeOf = (type: DescMessage): Shape => {
    const known = made.get(type.typeName);
    if (known !== undefined) return known;
    // While its fields are looked at, a type that contains itself finds this.
    made.set(type.typeName, NOTHING_KNOWN);
    let bytes = 0;
    let fieldCount = 0;
    const fields = new Map<number, FieldShape>();
    for (const field of type.fields) {
      const { maxLength, maxItems } = optionsOf(field).bounds;
      const element = elementOf(field, maxLength);
      const isList = field.fieldKind === "list" || field.fieldKind === "map";
      const items = isList ? maxItems || UNBOUNDED_LIST_ITEMS : 1;
      bytes += isList && maxItems === 0 ? UNBOUNDED_LIST_BYTES : items * element.bytes;
      fieldCount += items * (1 + (element.inner?.fieldCount ?? 0));
      if (maxItems > 0 || element.inner !== undefined)
        fields.set(field.number, { name: field.name, maxItems, inner: element.inner });
    }
    const shape = { bytes, fieldCount, fields };
    made.set(type.typeName, shape);
    return shape;
  };

  return (type) => {
    const shape = shapeOf(type);
    return {
      bytes: shape.bytes + UNKNOWN_FIELD_BYTES,
      countFields: (encoded) => {
        const scan = new FieldScan(encoded, shape.fieldCount + UNKNOWN_FIELDS);
        return scan.message(shape, encoded.length);
      },
    };
  };
};

const tooMany = (field: string, most: number, of: string): FieldViolation | undefined =>
  invalidField(field, `must have at most ${most} ${of}`).violations[0];

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/**
 * One pass over an encoded message (protobuf, "Encoding"). It stops at the first list that is too long, and after as
 * many fields as a request may have, so its time is bounded too. It refuses input that decoders may read differently:
 * groups, which proto3 does not have, field number 0, and a field that is longer than the message around it.
 */
class FieldScan {
  #at = 0;
  #count = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly maxFields: number,
  ) {}

  message({ fields }: Shape, end: number): FieldViolation | undefined {
    const items = new Map<number, number>();
    while (this.#at < end) {
      this.#count += 1;
      if (this.#count > this.maxFields) return tooMany("request", this.maxFields, "fields");
      const tag = this.#varint();
      const number = tag >>> 3;
      if (number === 0) return MALFORMED_REQUEST;
      const field = fields.get(number);
      if (field !== undefined && field.maxItems > 0) {
        const count = (items.get(number) ?? 0) + 1;
        if (count > field.maxItems) return tooMany(field.name, field.maxItems, "elements");
        items.set(number, count);
      }
      const violation = this.#value(tag & 7, field?.inner, end);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  /** Passes over the value of a field, or looks into it. */
  #value(wireType: number, inner: Shape | undefined, end: number): FieldViolation | undefined {
    switch (wireType) {
      case VARINT:
        this.#varint();
        break;
      case FIXED_64:
        this.#at += 8;
        break;
      case FIXED_32:
        this.#at += 4;
        break;
      case LENGTH_DELIMITED: {
        const valueEnd = this.#varint() + this.#at;
        if (inner !== undefined && valueEnd <= end) return this.message(inner, valueEnd);
        this.#at = valueEnd;
        break;
      }
      default:
        return MALFORMED_REQUEST;
    }
    return this.#at > end ? MALFORMED_REQUEST : undefined;
  }

  /** The low 32 bits, which is all that tags and lengths have. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; this.#at < this.bytes.length; shift += 7) {
      const byte = this.bytes[this.#at++] ?? 0;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value >>> 0;
  }
}
