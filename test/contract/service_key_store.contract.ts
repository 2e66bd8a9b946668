import { describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/events/audit_event.js";
import type { ServiceKey } from "../../src/core/ports/service_key_store.js";
import { postgresServiceKeyStore } from "../../src/postgres/service_key_store.js";
import type { Engine } from "./primary_store.js";
import { NOW } from "./samples.js";
import { useDatabases } from "./use_databases.js";

const newKey = (id: string, given: Partial<ServiceKey> = {}): ServiceKey => ({
  id,
  name: "billing",
  hash: `hash of ${id}`,
  scopes: ["validate", "admin"],
  createdAt: NOW,
  revokedAt: undefined,
  ...given,
});

const EVENT: AuditEvent = { type: "SERVICE_KEY_CREATED", at: NOW };

/** What every store of service keys must do. */
export const describeServiceKeyStore = (engine: Engine): void => {
  describe(`service key store on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const store = () => postgresServiceKeyStore(databases()[0]);

    test("keys come back as they were made, oldest first; a name may have several", async () => {
      const later = newKey("a", { createdAt: NOW + 1, scopes: [] });
      const earlier = newKey("b");
      await store().create(later, EVENT);
      await store().create(earlier, EVENT);
      expect(await store().list()).toEqual([earlier, later]);
    });

    test("an id and a hash are taken once", async () => {
      await store().create(newKey("a"), EVENT);
      await expect(store().create(newKey("a", { hash: "another" }), EVENT)).rejects.toThrow();
      await expect(store().create(newKey("b", { hash: "hash of a" }), EVENT)).rejects.toThrow();
      expect(await store().list()).toHaveLength(1);
    });

    test("of parallel revocations one revokes, and the time of it stays", async () => {
      await store().create(newKey("a"), EVENT);
      await store().create(newKey("b"), EVENT);
      const revoked = await Promise.all(
        [1, 2, 3, 4].map((i) =>
          postgresServiceKeyStore(databases()[i % 2 ? 0 : 1]).revoke("a", i, EVENT),
        ),
      );
      expect(revoked.filter(Boolean)).toHaveLength(1);
      const [a, b] = await store().list();
      expect(a?.revokedAt).toBe(revoked.indexOf(true) + 1);
      expect(b?.revokedAt).toBeUndefined();
      expect(await store().revoke("a", NOW, EVENT)).toBe(false);
      expect(await store().revoke("nobody", NOW, EVENT)).toBe(false);
    });
  });
};
