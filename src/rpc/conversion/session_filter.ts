import type { SessionFilter as PbFilter } from "../../../generated/curfew/v1/session_admin.js";
import type { SessionFilter } from "../../core/ports/session_store.js";
import { stateFromProto } from "./session.js";

const given = (text: string): string | undefined => (text === "" ? undefined : text);

/** An absent or empty condition is no condition. */
export const filterFromProto = (filter: PbFilter | undefined): SessionFilter =>
  filter === undefined
    ? {}
    : {
        userId: given(filter.userId),
        state: stateFromProto(filter.state),
        ip: given(filter.ip),
        createdAfter: filter.createdAfter?.getTime(),
        createdBefore: filter.createdBefore?.getTime(),
        inactiveSince: filter.inactiveSince?.getTime(),
      };

export const isEmptyFilter = (filter: SessionFilter): boolean =>
  Object.values(filter).every((condition) => condition === undefined);
