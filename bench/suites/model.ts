import { compileSchema } from "../../src/model/schema/compile.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import { methods } from "../../src/model/wire/methods.js";
import { decodeZookie, encodeZookie } from "../../src/model/zookie.js";
import { micro } from "../micro.js";
import { seed, type Suite } from "../suite.js";
import { documents } from "../worlds/documents.js";
import { at } from "../worlds/fill.js";

/** What the words cost: text, tokens, schemas, and messages in both directions. */
export const model: Suite = {
  name: "model",
  about: "tuples from text, zookies, schemas, messages",
  async run(settings) {
    const { schema, checks } = documents.make({ tuples: 500, questions: 1, seed });
    const question = at(checks.map((check) => check.question), 0);
    const zookie = { store: "0a1b2c3d", timeline: "00000001", tenant: 1, revision: 123_456 };
    const token = encodeZookie(zookie);
    const decision = { allowed: true, missingFields: [], zookie: token, instant: 1_700_000_000_123 };
    const request = methods.check.request.encode(question);
    const response = methods.check.response.encode(decision);
    return [
      micro("parse a tuple", settings, () => parseTuple("document:plan#viewer@group:engineering#member")),
      micro("parse a tuple with condition and expiration", settings, () =>
        parseTuple('document:plan#viewer@user:ana[office_hours:{"from":9,"to":17}][expiration:2030-01-01T00:00:00Z]'),
      ),
      micro("encode a zookie", settings, () => encodeZookie(zookie)),
      micro("decode a zookie", settings, () => decodeZookie(token)),
      micro("compile a schema of four definitions", settings, () => compileSchema(schema)),
      micro("encode a CheckRequest", settings, () => methods.check.request.encode(question)),
      micro("decode a CheckRequest", settings, () => methods.check.request.decode(request)),
      micro("encode a CheckResponse", settings, () => methods.check.response.encode(decision)),
      micro("decode a CheckResponse", settings, () => methods.check.response.decode(response)),
    ];
  },
};
