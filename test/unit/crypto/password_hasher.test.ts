import { createHash } from "node:crypto";
import { parseOptions } from "@node-rs/argon2";
import { hashSync } from "@node-rs/bcrypt";
import { describe, expect, test } from "vitest";
import type { CallLimits } from "../../../src/core/call.js";
import { createPasswordHasher } from "../../../src/crypto/password_hasher.js";
import { makeDummyArgon2 } from "../../../src/crypto/passwords/argon2.js";
import { isExcessive } from "../../../src/crypto/passwords/check_work.js";
import { readPasswordHash } from "../../../src/crypto/passwords/read_password_hash.js";

const hasher = createPasswordHasher();
const isPasswordHash = (encoded: string): boolean => {
  const work = readPasswordHash(encoded)?.work;
  return work !== undefined && !isExcessive(work);
};
const NO = { ok: false, needsRehash: false };
const YES = { ok: true, needsRehash: false };
const YES_AND_REHASH = { ok: true, needsRehash: true };

describe("argon2id", () => {
  test("a hash says how it was made, and its password passes", async () => {
    const encoded = await hasher.hash("correct horse battery staple");
    expect(encoded).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}$/);
    expect(await hasher.verify("correct horse battery staple", encoded)).toEqual(YES);
    expect(await hasher.verify("correct horse battery stapl", encoded)).toEqual(NO);
    expect(await hasher.verify("", encoded)).toEqual(NO);
  });

  test("two hashes of one password differ", async () => {
    expect(await hasher.hash("same")).not.toBe(await hasher.hash("same"));
  });

  test("a cheaper hash is to be made anew, a dearer one is not", async () => {
    const cheap = createPasswordHasher({ cost: { memoryCost: 1024, timeCost: 1, parallelism: 1 } });
    const encoded = await cheap.hash("password");
    expect(await hasher.verify("password", encoded)).toEqual(YES_AND_REHASH);
    expect(await hasher.verify("wrong", encoded)).toEqual(NO);
    expect(await cheap.verify("password", await hasher.hash("password"))).toEqual(YES);
  });
});

describe("hashes made elsewhere", () => {
  const vectors: [string, string, string][] = [
    // Reference implementation, test.c
    [
      "argon2id with a short salt",
      "password",
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ],
    [
      "argon2i",
      "password",
      "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ],
    // Openwall crypt_blowfish, wrapper.c
    ["bcrypt 2a", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
    ["bcrypt 2a", "U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"],
    ["bcrypt 2a", "U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"],
    ["bcrypt 2y", "U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
    ["bcrypt 2b", "U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
    // RFC 7914 §11
    [
      "PBKDF2-SHA256 (PHC)",
      "Password",
      "$pbkdf2-sha256$i=80000$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ",
    ],
    [
      "PBKDF2-SHA256 (PHC with length)",
      "Password",
      "$pbkdf2-sha256$i=80000,l=64$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ",
    ],
    [
      "PBKDF2-SHA512 (PHC)",
      "passwordPASSWORDpassword",
      "$pbkdf2-sha512$i=4096$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$jAUR9Mbll8asYxXY8DYuIl88UBSVuiO4aMAFF03E7nERW1n55gzZUy+jPg91rv4wIlxYOhhs2CvU2uqXJKPTuA",
    ],
    // passlib's documentation
    [
      "PBKDF2-SHA256 (passlib)",
      "toomanysecrets",
      "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk",
    ],
    // Django's tests
    [
      "PBKDF2-SHA256 (Django)",
      "lètmein",
      "pbkdf2_sha256$20000$seasalt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0=",
    ],
    // RFC 7914 §12
    [
      "scrypt",
      "pleaseletmein",
      "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
    ],
    // Django's tests
    [
      "scrypt (Django)",
      "lètmein",
      "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
    ],
    ["PBKDF2-SHA1 (Django)", "lètmein", "pbkdf2_sha1$30000$seasalt2$pMzU1zNPcydf6wjnJFbiVKwgULc="],
    // made with Python's hashlib in Werkzeug's form
    [
      "scrypt (Werkzeug)",
      "lètmein",
      "scrypt:32768:8:1$seasalt$234adc1bad217ba78ba38755879749e79e0bd9e15594146d46e6420f2313e6228332c0781cdf9077cf34c4a818d359fe2eb589d29206092aba3cb6ee4afcac2f",
    ],
    [
      "PBKDF2-SHA256 (Werkzeug)",
      "lètmein",
      "pbkdf2:sha256:1000$seasalt$26066bc977b619af32b20e976f390ba537723d0ac7aac8a76cbf419e78605f80",
    ],
    // escrypt and libsodium
    [
      "scrypt ($7$)",
      "pleaseletmein",
      "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
    ],
    // passlib's documentation
    [
      "scrypt",
      "password",
      "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    ],
  ];
  test.each(vectors)("%s of %j passes and is to be made anew", async (_, password, encoded) => {
    expect(isPasswordHash(encoded)).toBe(true);
    expect(await hasher.verify(password, encoded)).toEqual(YES_AND_REHASH);
    expect(await hasher.verify(`${password}!`, encoded)).toEqual(NO);
  });

  test("Django's names before argon2 and bcrypt hashes are understood", async () => {
    const argon2 = await hasher.hash("l\u00e8tmein");
    expect(await hasher.verify("l\u00e8tmein", `argon2${argon2}`)).toEqual(YES);
    const bcrypt = hashSync("l\u00e8tmein", { cost: 4 });
    expect(await hasher.verify("l\u00e8tmein", `bcrypt$${bcrypt}`)).toEqual(YES_AND_REHASH);
    const digest = createHash("sha256").update("l\u00e8tmein").digest("hex");
    const prehashed = `bcrypt_sha256$${hashSync(digest, { cost: 4 })}`;
    expect(await hasher.verify("l\u00e8tmein", prehashed)).toEqual(YES_AND_REHASH);
    expect(await hasher.verify(digest, prehashed)).toEqual(NO);
  });

  test("bcrypt compares 72 bytes, which the rehash puts right", async () => {
    const long = "x".repeat(72);
    const encoded = hashSync(`${long}first`, { cost: 4 });
    expect(await hasher.verify(`${long}second`, encoded)).toEqual(YES_AND_REHASH);
    expect(await hasher.verify(`${long}second`, await hasher.hash(`${long}first`))).toEqual(NO);
  });
});

describe("Unicode", () => {
  const composed = "p\u00e4ssw\u00f6rter sind lang";
  const decomposed = composed.normalize("NFD");

  test("the same text passes however the keyboard composes it", async () => {
    for (const [hashed, typed] of [
      [composed, decomposed],
      [decomposed, composed],
      [decomposed, decomposed],
    ] as const) {
      expect(await hasher.verify(typed, await hasher.hash(hashed))).toEqual(YES);
    }
  });

  test("compatibility characters stay apart", async () => {
    expect(
      await hasher.verify("x2 and more text", await hasher.hash("x\u00b2 and more text")),
    ).toEqual(NO);
  });

  test("an imported hash of text as it was typed passes and is to be made anew", async () => {
    const encoded = hashSync(decomposed, { cost: 4 });
    expect(await hasher.verify(decomposed, encoded)).toEqual(YES_AND_REHASH);
    expect(await hasher.verify(composed, encoded)).toEqual(NO);
  });
});

describe("D1: nothing to compare with", () => {
  const unreadable = [
    "",
    "password",
    "$argon2id$",
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAA",
    "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
    "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$pbkdf2-sha256$i=99999999$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "$pbkdf2-sha256$i=0$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "$pbkdf2-sha256$i=1000,l=64$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "$pbkdf2-sha256$i=1000$TmFDbA$TdzY",
    "$pbkdf2-md5$i=1000$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "pbkdf2_md5$1000$seasalt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0=",
    "$scrypt$ln=30,r=8,p=1$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "$scrypt$ln=0,r=8,p=1$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "$scrypt$ln=16,r=1,p=1$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "$scrypt$ln=10,r=8,p=999$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y",
    "$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA$c29tZXNhbHQxNmJ5dGVzIQ$M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs",
    "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQxNmJ5dGVzIQ$M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs",
    "$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHQxNmJ5dGVzIQ$M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs",
    "$bcrypt-sha256$v=2,t=2b,r=32$.nUygSQay8sFo9FvCUFF8e$KiLhHCtVQWokuOTqYRT7BNexVE7.evm",
    // Of other schemes, from htpasswd and passlib
    "$6$bm899XhINoqve6Su$dz3uNjVdisOvPgqY88Jg8.ApvG0pEaDeqs1XnSNO8S74M9lT3FT5kJZkF2vEtcCyIaoyMAavodaUguf7sMZZu/",
    "$apr1$WJlFe/eG$19HWbtCFQWJyKcRaVRCMT/",
    "{SHA}q/eq1kOINtvlJqojGr3i0O73TUI=",
    "{PKCS5S2}rZXSek/pnROitJZyLkVo7QGd/w4lxFfDbyk60q7e7XIXOv6avepavw02OZTo7Hre",
    "$scrypt$ln=10,r=8,p=1$TmFDbA$!!!!",
  ];
  test.each(unreadable)("%j is no hash and no password passes", async (encoded) => {
    expect(isPasswordHash(encoded)).toBe(false);
    expect(await hasher.verify("password", encoded)).toEqual(NO);
    expect(await hasher.verify("", encoded)).toEqual(NO);
  });

  test("the stand-in costs what a real hash costs", async () => {
    const real = parseOptions(await hasher.hash("password"));
    expect(
      parseOptions(makeDummyArgon2({ memoryCost: 19456, timeCost: 2, parallelism: 1 })),
    ).toEqual(real);
  });

  test("no hash and an unreadable one take their turn like a real one", async () => {
    const tight = createPasswordHasher({ concurrency: 1, maxQueue: 0 });
    for (const encoded of [undefined, "unreadable", await tight.hash("password")]) {
      const first = tight.verify("wrong", encoded);
      await expect(tight.verify("wrong", encoded)).rejects.toMatchObject({
        reason: "TOO_MANY_ATTEMPTS",
      });
      expect(await first).toEqual(NO);
    }
  });

  test("no hash, or an unreadable one, takes about the time of a wrong password", async () => {
    const encoded = await hasher.hash("password");
    const timed = async (hash: string | undefined): Promise<number> => {
      const start = performance.now();
      await hasher.verify("wrong", hash);
      return performance.now() - start;
    };
    const forever = Number.POSITIVE_INFINITY;
    const fastest = { real: forever, none: forever, unreadable: forever };
    const ratios = () => [fastest.none / fastest.real, fastest.unreadable / fastest.real];
    const isAlike = () => ratios().every((ratio) => ratio > 0.5 && ratio < 2);
    // Other work on the machine only makes times longer, so the fastest ones come near to the real cost.
    for (let round = 0; round < 10 || (round < 300 && !isAlike()); round += 1) {
      fastest.real = Math.min(fastest.real, await timed(encoded));
      fastest.none = Math.min(fastest.none, await timed(undefined));
      fastest.unreadable = Math.min(fastest.unreadable, await timed("$2b$unreadable"));
    }
    for (const ratio of ratios()) {
      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    }
  });
});

test("D2: a storm is turned away with a time to retry", async () => {
  const small = createPasswordHasher({ concurrency: 1, maxQueue: 2, maxWaitMs: 5000 });
  const attempts = await Promise.allSettled(
    Array.from({ length: 10 }, () => small.verify("password", undefined)),
  );
  const refused = attempts.filter(({ status }) => status === "rejected");
  expect(refused).toHaveLength(7);
  for (const attempt of refused) {
    expect(attempt).toMatchObject({
      reason: { reason: "TOO_MANY_ATTEMPTS", retryAfterMs: 5000, metadata: { cause: "busy" } },
    });
  }
  expect(await small.verify("password", undefined)).toEqual(NO);
});

describe("D2: costly hashes, which were imported", () => {
  // 0.3 s of work and more on the reference machine, and 130 MiB of memory.
  const COSTLY = [
    "$pbkdf2$700000$c29tZXNhbHQxNmJ5dGVzIQ$drFxjrf4UptpHtrbj/Ljm/AR8aE",
    "$argon2id$v=19$m=133120,t=1,p=1$c29tZXNhbHQxNmJ5dGVzIQ$M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs",
  ];

  test.each(COSTLY)("while %s is checked, another sign-in is not refused", async (encoded) => {
    const tight = createPasswordHasher({ concurrency: 1, maxQueue: 0 });
    const done: string[] = [];
    const costly = tight.verify("wrong", encoded).then(() => done.push("costly"));
    await tight.verify("wrong", undefined).then(() => done.push("ordinary"));
    await costly;
    expect(done).toEqual(["ordinary", "costly"]);
  });

  test("one is checked at a time, few wait, and the excess is refused", async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 5 }, () => hasher.verify("wrong", COSTLY[1])),
    );
    const refused = attempts.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(2);
    expect(refused[0]).toMatchObject({ reason: { reason: "TOO_MANY_ATTEMPTS" } });
  });
});

test.each(["hash", "verify"] as const)(
  "O3 %s is not begun for a caller that has left while it waited for its turn",
  async (name) => {
    const busy = createPasswordHasher({ concurrency: 1, maxWaitMs: 60_000 });
    const work = (call?: CallLimits) =>
      name === "hash"
        ? busy.hash("password", undefined, call)
        : busy.verify("password", undefined, undefined, call);
    const controller = new AbortController();
    const call = { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY };
    const first = work();
    const left = work(call);
    const next = work();
    controller.abort();
    await expect(left).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await Promise.all([first, next]);
  },
);
