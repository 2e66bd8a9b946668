import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createHashJudge } from "../../../src/crypto/hash_judge.js";
import { createPasswordHasher } from "../../../src/crypto/password_hasher.js";
import { readPasswordHash } from "../../../src/crypto/passwords/read_password_hash.js";

const PASSWORD = "correct horse battery staple";
const hasher = createPasswordHasher();

/** Hashes of PASSWORD from the tools of Debian 12. */
const MADE_BY: Readonly<Record<string, readonly string[]>> = {
  // argon2 somesalt16bytes! -i|-d|-id -t 2 -k 4096 -p 1 -l 32 -v 10|13 -e
  "argon2 (the reference program)": [
    "$argon2i$v=16$m=4096,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$gVBVGT00V25Pv61FDf7/C5j9szMxmYCeaZILlvWMsuo",
    "$argon2i$m=4096,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$gVBVGT00V25Pv61FDf7/C5j9szMxmYCeaZILlvWMsuo",
    "$argon2d$v=16$m=4096,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$B4LXr+zdEMr/OQsYEMMRc+dEuDelj2EjSsVXTlC6bZo",
    "$argon2id$v=16$m=4096,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$eLUv9K8j/3+0dXVMXQC2fsX3/zwEy0w55If3AFtx+O0",
    "$argon2i$v=19$m=4096,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$LleDN1s7cdQ4s/KkfBeIWngfjbER+LCvdibjvtbNyEU",
    "$argon2d$v=19$m=4096,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$Yz6lfXYzXokV4VFTHBVf/Uln9Ovu4GNCi/UeATTcqOA",
    "$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs",
    "$argon2id$v=16$m=8192,t=1,p=4$c29tZXNhbHQxNmJ5dGVzIQ$n4aYyFTsSkk3g9Q18m261Vm70qKVYVwk",
  ],
  // htpasswd -nbB -C 5|10
  htpasswd: [
    "$2y$05$JUHR5G2LM1iEW66RhKJ3O.Rf88GHW6K1kcmaxSt98s8bOIZrIZNJK",
    "$2y$10$.AzOLYv268vZ3foHiekVBe0C0sShrE1AVgT.gB9a6AaU5INWo/xWC",
  ],
  "passlib 1.7.4": [
    "$pbkdf2$1000$sBaCsHaOsdbam/MeAwAAQA$RLU5gW5qm0sliFrbv.lJOKkF4Bo",
    "$pbkdf2-sha256$1000$lVKK0VrLOYdQSomxVqpVyg$Ryh1FvcLqwXZ7crfu3ltcEL2OjU3RDuaWWNBBer3Juo",
    "$pbkdf2-sha512$1000$sRZi7P1fay1lLGUs5VyrdQ$w573UiB4gayWdQVkX7txEsx0.9XP2imlULJUL/EpB1M3vLBUSvkUe01vjyZu1mNlHGXMAOc.7inH60c9eUvF5Q",
    "$pbkdf2$1000$$drFxjrf4UptpHtrbj/Ljm/AR8aE",
    "$scrypt$ln=10,r=8,p=1$VIoRIuRca60VghDCWEuplQ$WTjswk4JCzPV6XxlKUE6wysjoG/GGL6bd0LkIaeHS74",
    "$scrypt$ln=4,r=1,p=3$$+vPjBJXZSjwf7+v9QMqxTGGvi1fpNPnJ2CNxWBt8RcA",
    "$7$66..../....QwhhDGEsZYxxDmHsnZNS6g$e947sqQGgiZpXxRhFvzqoN/qBZRhyDwha9gcQwrLAO1",
    "$argon2id$v=19$m=1024,t=2,p=2$3dv7H2NMCUHovTem1BpDqA$OPEfs+Sa4nWsgAuv7U4HPg",
    "$argon2i$v=19$m=1024,t=2,p=8$trb2PkfIuXfuXUvJmTPGGA$mImPUfBgrdaY4sKI7ErSwg",
    "$2b$05$oFIyzx4gNCqyoQi3CC6wAepzM9df.Yl9NN8pSP0pKVtpuvDDfHsHC",
    "$2y$05$hi6nZ0W6sLF/zX2lgl0H9OnqLNEqOhvUQy0yqImKKRiXdt7q1tdv2",
    "$2a$05$r0z2weV1YoSzcgaaKffpku1xLiSFofdt8g95YriWAnHTci8kjPEyK",
    "$bcrypt-sha256$v=2,t=2b,r=5$.nUygSQay8sFo9FvCUFF8e$KiLhHCtVQWokuOTqYRT7BNexVE7.evm",
  ],
  "Django 3.2": [
    "pbkdf2_sha256$260000$3Hxzbxou1vC0aEtK2prfDD$QjliFXNSP0TOwx7pbnVqZYuoD4qO7vkvHgyW/EZMg78=",
    "pbkdf2_sha1$260000$OTfNCbOOOnG17MWHYCCwy8$lrVpLz/XflF9DWbDAe4L4Zlgtng=",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$TlprdmNFdkVOTzlOUDFQYVR2cVRvTQ$QjfOo3VmDE5ehzCm+w+cWw",
    "bcrypt_sha256$$2b$12$xAN.RxB0BWe9VcSGqv5HRerZI/UGXz2Yub/4uNcEBcvwKvRaxfU5S",
    "bcrypt$$2b$12$CLXCw52pY5ChrVGNv1omLuepohNnHKxNQOp.tUpPJSPUpSsc46TAi",
  ],
  "Werkzeug 2.2": [
    "pbkdf2:sha256:1000$dl90tx8u6huQuIEv$ab64c2c3aa7e8135e58c677c7ac3b48cbf1e3dceedffd82e8ba1ab0641d67013",
    "pbkdf2:sha1:1000$9yqleUfBz63DU65g$98766625f5273d2401f9aa9f3180b7bd60de6251",
    "pbkdf2:sha512:1000$lRwhFHJvK8Cafuki$bb9f71e287ebf223c8409c7ea436da1955dcc37595235f4dce69e4266bdd8574d2ca515aded229494140c325043c4d57dba1bba38b144955110c0f54a537320e",
  ],
};

const CASES = Object.entries(MADE_BY).flatMap(([tool, hashes]) =>
  hashes.map((encoded) => [tool, encoded] as const),
);

describe("hashes of real tools", () => {
  const judge = createHashJudge(async () => 1);

  test.each(CASES)("%s: %s is accepted, and its password passes", async (_tool, encoded) => {
    expect(await judge(encoded)).toBeUndefined();
    expect(await hasher.verify(PASSWORD, encoded)).toEqual({ ok: true, needsRehash: true });
    expect((await hasher.verify(`${PASSWORD}!`, encoded)).ok).toBe(false);
  });

  test("passlib's bcrypt-sha256 before its version 2", async () => {
    // passlib's tests: ("password", …)
    const encoded = "$bcrypt-sha256$2a,5$5Hg1DKFqPE8C2aflZ5vVoe$12BjNE0p7axMg55.Y/mHsYiVuFBDQyu";
    expect((await hasher.verify("password", encoded)).ok).toBe(true);
    expect((await hasher.verify("passwor", encoded)).ok).toBe(false);
  });
});

describe("what one login may cost is measured", () => {
  const TOO_COSTLY = /^password_hash costs too much to check: /;
  const SALT_AND_HASH = "c29tZXNhbHQxNmJ5dGVzIQ$M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs";

  test.each([
    [
      "argon2 of 1 GiB and 32 passes",
      `$argon2id$v=19$m=1048576,t=32,p=1$${SALT_AND_HASH}`,
      /1024 MiB/,
    ],
    [
      "argon2 of the most that its text can say",
      `$argon2id$v=19$m=4294967295,t=4294967295,p=1$${SALT_AND_HASH}`,
      /MiB/,
    ],
    [
      "argon2 of many passes",
      `$argon2id$v=19$m=65536,t=500,p=1$${SALT_AND_HASH}`,
      /about \d+ s for one login/,
    ],
    ["scrypt of 2^18, 8, 16", `$scrypt$ln=18,r=8,p=16$${SALT_AND_HASH}`, /MiB|about 1\d s/],
    ["scrypt of 2^17, 8, 16", `$scrypt$ln=17,r=8,p=16$${SALT_AND_HASH}`, /about [\d.]+ s/],
    ["bcrypt of cost 31", `$2b$31$${".".repeat(53)}`, /about/],
    ["PBKDF2 of a hundred million rounds", `$pbkdf2-sha512$i=100000000$${SALT_AND_HASH}`, /about/],
    [
      "PBKDF2 of a trillion rounds",
      `pbkdf2_sha256$999999999999$salt$${SALT_AND_HASH.split("$")[1]}`,
      /about/,
    ],
  ])("%s is refused as too costly, at once", async (_case, encoded, why) => {
    const problem = await createHashJudge()(encoded);
    expect(problem).toMatch(TOO_COSTLY);
    expect(problem).toMatch(why);
    expect(problem).not.toContain(SALT_AND_HASH.slice(0, 8));
    // A hash of an earlier import does not hold a login up either.
    expect(await hasher.verify(PASSWORD, encoded)).toEqual({ ok: false, needsRehash: false });
  });

  test("another scheme is another message", async () => {
    for (const encoded of ["plainmd5", "$6$salt$hash", "{SHA}q/eq1kOINtvlJqojGr3i0O73TUI="]) {
      expect(await createHashJudge()(encoded)).toMatch(
        /^password_hash is malformed or of an unknown/,
      );
    }
  });

  test("a slow machine accepts less, each kind by its own speed, measured once", async () => {
    const measured: string[] = [];
    const judge = createHashJudge(async (kind) => {
      measured.push(kind);
      return kind === "bcrypt" ? 10 : 1;
    });
    const bcrypt = `$2b$12$${".".repeat(53)}`;
    expect(await judge(bcrypt)).toMatch(
      /about 2\.8 s for one login on this machine; at most 2\.0 s/,
    );
    expect(await judge(bcrypt.replace("12", "11"))).toBeUndefined();
    expect(await judge(`$pbkdf2-sha256$i=1000000$${SALT_AND_HASH}`)).toBeUndefined();
    expect(measured).toEqual(["bcrypt", "pbkdf2-sha256"]);
  });

  test("each kind has a sample whose speed can be measured", async () => {
    const judge = createHashJudge();
    for (const [, encoded] of CASES) expect(await judge(encoded)).toBeUndefined();
  });

  test("whatever is accepted can be checked: no login ends in an error", async () => {
    const judge = createHashJudge(async () => 1);
    const base64 = (min: number, max: number) =>
      fc
        .uint8Array({ minLength: min, maxLength: max })
        .map((bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, ""));
    const encoded = fc.oneof(
      fc
        .tuple(
          fc.constantFrom("i", "d", "id"),
          fc.constantFrom("v=16$", "v=19$", ""),
          fc.nat(300),
          fc.nat(3),
          fc.nat(9),
          base64(0, 70),
          base64(0, 140),
        )
        .map(
          ([kind, v, m, t, p, salt, hash]) =>
            `$argon2${kind}$${v}m=${m},t=${t},p=${p}$${salt}$${hash}`,
        ),
      fc
        .tuple(fc.nat(17), fc.nat(9), fc.nat(9), base64(0, 40), base64(0, 70))
        .map(([ln, r, p, salt, hash]) => `$scrypt$ln=${ln},r=${r},p=${p}$${salt}$${hash}`)
        .filter((text) => (readPasswordHash(text)?.work.nominalMs ?? 0) < 50),
      fc
        .tuple(
          fc.constantFrom("", "-sha1", "-sha256", "-sha512"),
          fc.nat(99),
          base64(0, 40),
          base64(0, 200),
        )
        .map(([digest, rounds, salt, hash]) => `$pbkdf2${digest}$${rounds}$${salt}$${hash}`),
      fc
        .tuple(
          fc.constantFrom("2a", "2b", "2y"),
          fc.constantFrom("03", "04"),
          fc.stringMatching(/^[./A-Za-z0-9]{53}$/),
        )
        .map(([ident, cost, rest]) => `$${ident}$${cost}$${rest}`),
    );
    await fc.assert(
      fc.asyncProperty(encoded, fc.string({ unit: "binary" }), async (hash, password) => {
        if ((await judge(hash)) !== undefined) return;
        expect(await readPasswordHash(hash)?.matches(password)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
