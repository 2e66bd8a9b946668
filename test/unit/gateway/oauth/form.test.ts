import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseForm, requireParameter } from "../../../../src/gateway/oauth/form.js";

describe("parseForm", () => {
  test("reads what URLSearchParams writes, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: "grapheme" }),
          fc.string({ unit: "grapheme", minLength: 1 }),
          {
            maxKeys: 20,
          },
        ),
        (parameters) => {
          const body = new URLSearchParams(parameters).toString();
          expect(Object.fromEntries(parseForm(body))).toEqual({ ...parameters });
        },
      ),
    );
  });

  test("takes a parameter without a value for absent", () => {
    const form = parseForm("token=&hint&client_id=a");
    expect([...form]).toEqual([["client_id", "a"]]);
    expect(() => requireParameter(form, "token")).toThrow("The parameter token is missing");
  });

  test.each([
    ["a parameter twice", "token=a&token=b"],
    ["a parameter twice, once without a value", "token=&token=b"],
    ["a parameter twice, in two spellings", "token=a&%74oken=b"],
    ["a broken escape", "token=%zz"],
    ["bytes that are not UTF-8", "token=%ff"],
    ["too many parameters", Array.from({ length: 65 }, (_, i) => `p${i}=1`).join("&")],
  ])("refuses %s", (_what, body) => {
    expect(() => parseForm(body)).toThrow(expect.objectContaining({ error: "invalid_request" }));
  });
});
