import type { Decision } from "../../src/model/service.js";
import { encodeZookie } from "../../src/model/zookie.js";

/** What the servers that think nothing answer: as long as what Usher says. */
export const fixedDecision: Decision = {
  allowed: true,
  missingFields: [],
  zookie: encodeZookie({ store: "0a1b2c3d", timeline: "00000001", tenant: 1, revision: 60 }),
  instant: 1_700_000_000_123,
};
