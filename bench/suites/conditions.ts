import type { Context } from "../../src/model/context.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { micro } from "../micro.js";
import type { Suite } from "../suite.js";

const schema = compileSchema(`
caveat office_hours(hour int, from int, to int) { hour >= from && hour < to }
caveat from_network(address ipaddress, networks list<string>) { networks.exists(network, address.in_cidr(network)) }
caveat until(now timestamp, end timestamp) { now < end }
definition user {}
`);

const now = Date.UTC(2026, 0, 1);

/** One evaluation of a condition: stored context, request context, an instant. */
export const conditions: Suite = {
  name: "conditions",
  about: "one evaluation of a compiled condition",
  async run(settings) {
    const evaluation = (name: string, what: string, expected: "true" | "missing", stored: Context, request: Context) => {
      const condition = schema.conditions.get(name);
      if (condition?.evaluate(stored, request, now).kind !== expected) throw new Error(`condition ${name} is not ${expected}`);
      return micro(what, settings, () => condition.evaluate(stored, request, now));
    };
    return [
      evaluation("office_hours", "two comparisons", "true", { from: 9, to: 17 }, { hour: 10 }),
      evaluation("office_hours", "two comparisons, a field missing", "missing", { from: 9, to: 17 }, {}),
      evaluation("from_network", "an address in one of three networks", "true", { networks: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] }, { address: "192.168.1.7" }),
      evaluation("until", "a comparison with the instant, and its boundary", "true", { end: "2030-01-01T00:00:00Z" }, {}),
    ];
  },
};
