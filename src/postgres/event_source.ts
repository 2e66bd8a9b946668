/**
 * The source of an event `e`, as `sourceOf` in core/caller/source.ts writes it: its IPv4
 * address, or the network (/64) of its IPv6 address (D9).
 */
export const EVENT_SOURCE = `
  CASE WHEN e.ip ~ '^[0-9a-f:]+$' AND e.ip LIKE '%:%'
    THEN network(set_masklen(e.ip::inet, 64))::text ELSE e.ip END`;
