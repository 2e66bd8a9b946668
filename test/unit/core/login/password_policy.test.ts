import { describe, expect, test } from "vitest";
import { CurfewError } from "../../../../src/core/errors.js";
import { checkNewPassword, contextWords } from "../../../../src/core/login/password_policy.js";
import { COMMON_PASSWORDS } from "../../../../src/crypto/passwords/common_passwords.js";

const isCommon = (password: string) => COMMON_PASSWORDS.has(password);

/** Of a service at Acme, whose operators think of its project too. */
const WORDS = contextWords("curfew", "https://login.acme-corp.example:8443/", "Project Ångström");

const violationsOf = (password: string, username = "ada", minLength = 15): string[] => {
  try {
    const policy = { minLength, isCommon, contextWords: WORDS };
    checkNewPassword("new_password", password, username, policy);
    return [];
  } catch (failure) {
    if (!(failure instanceof CurfewError)) throw failure;
    expect(failure.reason).toBe("INVALID_ARGUMENT");
    for (const { field } of failure.violations) expect(field).toBe("new_password");
    return failure.violations.map(({ description }) => description);
  }
};

const TOO_SHORT = "must have at least 15 characters";
const TOO_COMMON = "is too common: choose another, such as several unrelated words";
const IS_NAME = "must be more than the username with something added";
const IS_OURS = "must be more than names of this service with something added";

describe("accepted, without rules of composition", () => {
  test.each([
    "seven purple wheelbarrows",
    "aaaa bbbb cccc dddd",
    "nur kleine buchstaben",
    "密码很长很长很长很长很长的一段话",
    "🐎🔋📎🎈🎉🎊🎋🎍🎎🎏🎐🎑🎒🎓🎠",
    "x".repeat(14).concat(" and more of it"),
    "passwordpasswords",
  ])("%s", (password) => {
    expect(violationsOf(password)).toEqual([]);
  });
});

describe("refused, with what to do", () => {
  test.each([
    ["", [TOO_SHORT]],
    ["fourteen chars", [TOO_SHORT]],
    // Fifteen code points of UTF-16 are no fifteen characters, and a ligature is two.
    ["🐎🔋📎🎈🎉🎊🎋🎍", [TOO_SHORT]],
    ["password", [TOO_SHORT, TOO_COMMON]],
    ["correct horse battery staple", [TOO_COMMON]],
    ["passwordpassword", [TOO_COMMON]],
    ["PASSWORDpassword", [TOO_COMMON]],
    ["aaaaaaaaaaaaaaaa", [TOO_COMMON]],
    ["abcabcabcabcabcabc", [TOO_COMMON]],
    ["123123123123123", [TOO_COMMON]],
    ["ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ", [TOO_COMMON]],
  ])("%s", (password, violations) => {
    expect(violationsOf(password)).toEqual(violations);
  });

  test("the username, in any case and with something added", () => {
    const username = "Ada.Lovelace.1815";
    for (const password of [username, `${username}!`, username.toLowerCase().repeat(3)])
      expect(violationsOf(password, username)).toEqual([IS_NAME]);
    expect(violationsOf(`${username} wrote notes`, username)).toEqual([]);
    // A short name is in many a good password.
    expect(violationsOf("adamant about Nevada", "ada")).toEqual([]);
  });

  test("parts of the username, as of an address", () => {
    const username = "Ada.Lovelace@example.org";
    for (const password of ["lovelace-lovelace", "LOVELACE@example!1", "example.lovelace.org"])
      expect(violationsOf(password, username)).toEqual([IS_NAME]);
    expect(violationsOf("lovelace wrote notes", username)).toEqual([]);
  });

  test("words of the context, in any case and with something added", () => {
    for (const password of [
      "curfewcurfew2026",
      "Curfew@Acme!2026",
      "acme-corp-login-8443",
      "AcmeExample12345",
      "projectångström!",
      "PROJECT A\u030aNGSTRO\u0308M!",
    ])
      expect(violationsOf(password)).toEqual([IS_OURS]);
    expect(violationsOf("curfew tolls the knell of parting day")).toEqual([]);
    expect(violationsOf("ada.lovelace@acme-corp", "ada.lovelace")).toEqual([IS_OURS]);
  });
});

test("the 3,000 most common passwords are refused, by a service that takes short ones too", () => {
  const most = [...COMMON_PASSWORDS].filter((password) => password.length >= 8);
  expect(COMMON_PASSWORDS.size).toBeGreaterThan(3000);
  for (const password of ["iloveyou", "sunshine", "princess", "football", "trustno1", "liverpool"])
    expect(most).toContain(password);
  const policy = { minLength: 8, isCommon, contextWords: WORDS };
  const accepted = most.filter((password) => {
    try {
      checkNewPassword("password", password, "somebody else", policy);
      return true;
    } catch (failure) {
      return !(failure instanceof CurfewError && failure.violations[0]?.description === TOO_COMMON);
    }
  });
  expect(accepted).toEqual([]);
});

test("words of the context are the longer ones of its names, each once", () => {
  expect(contextWords("https://Login.acme-corp.example/", "acme", "Staff Portal", "")).toEqual([
    "login",
    "acme",
    "corp",
    "example",
    "staff",
    "portal",
  ]);
});

test("the length is what the service was told", () => {
  expect(violationsOf("eight ch", "ada", 8)).toEqual([]);
  expect(violationsOf("seven c", "ada", 8)).toEqual(["must have at least 8 characters"]);
});
