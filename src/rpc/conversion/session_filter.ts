import type { SessionFilter as PbFilter } from "../../../generated/curfew/v1/session_admin.js";
import { invalidField } from "../../core/errors.js";
import type { SessionFilter } from "../../core/ports/session_store.js";
import { canonicalAddress } from "../client_address.js";
import { stateFromProto } from "./session.js";

const given = (text: string): string | undefined => (text === "" ? undefined : text);

/** In the form that addresses are stored in; any other spelling of it matches nothing. */
const addressFromProto = (text: string): string | undefined => {
  if (text === "") return undefined;
  const address = canonicalAddress(text);
  if (address === undefined)
    throw invalidField("filter.ip", "must be an IPv4 or IPv6 address, not a network or a name");
  return address;
};

/** An absent or empty condition is no condition. */
export const filterFromProto = (filter: PbFilter | undefined): SessionFilter =>
  filter === undefined
    ? {}
    : {
        userId: given(filter.userId),
        state: stateFromProto(filter.state),
        ip: addressFromProto(filter.ip),
        clientId: given(filter.clientId ?? ""),
        createdAfter: filter.createdAfter?.getTime(),
        createdBefore: filter.createdBefore?.getTime(),
        inactiveSince: filter.inactiveSince?.getTime(),
      };

export const isEmptyFilter = (filter: SessionFilter): boolean =>
  Object.values(filter).every((condition) => condition === undefined);
