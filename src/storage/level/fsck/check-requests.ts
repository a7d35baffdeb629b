import type { Instant } from "../../../base/clock.js";
import { keyspaceOf, keyspaceRange, keyTenant, metaName, parseRequestAgeKey, requestAgeKey } from "../keys.js";
import { sealEmpty, unsealJson } from "../seal.js";
import { endedPrefix } from "../tenants.js";
import { tenantPrefix } from "../meta.js";
import { attempt, chunks, lookUp, shown, sound, type Survey } from "./survey.js";

/** Outcomes of request ids and their rows by age: one without an age would be kept for ever, an age without one leads nowhere. */
export async function checkRequests(survey: Survey): Promise<void> {
  for await (const chunk of chunks(survey, keyspaceRange("request"))) {
    for (const [key, value] of chunk) {
      if (!survey.standing.has(keyTenant(key))) continue;
      const kept = attempt(() => unsealJson(key, value) as { instant: Instant });
      if (kept === undefined) {
        await survey.findings.add("row_damaged", `the outcome of a request id, ${shown(key)}`, [{ type: "del", key }]);
        continue;
      }
      const age = requestAgeKey(kept.instant, key);
      const [found] = await lookUp(survey, [age]);
      if (sound(age, found) === undefined) await survey.findings.add("request_unaged", shown(key), [{ type: "put", key: age, value: sealEmpty(age) }]);
    }
  }
  for await (const chunk of chunks(survey, keyspaceRange("requestByAge"))) {
    const requests = chunk.map(([key]) => parseRequestAgeKey(key).request);
    const values = await lookUp(survey, requests);
    for (const [i, [key]] of chunk.entries()) {
      const request = requests[i];
      if (request && survey.standing.has(keyTenant(request)) && values[i] === undefined) await survey.findings.add("request_orphan", shown(key), [{ type: "del", key }]);
    }
  }
}

/** Every row is of a kind that is known; those that nothing else looks at match their checksums. */
export async function checkOthers(survey: Survey): Promise<void> {
  const { gte } = keyspaceRange("meta");
  for await (const chunk of chunks(survey, { gte: Buffer.from([0]), lt: gte })) for (const [key] of chunk) await survey.findings.add("row_unknown", shown(key));
  for (const space of ["meta", "staged", "import"] as const) {
    for await (const chunk of chunks(survey, keyspaceRange(space))) {
      for (const [key, value] of chunk) if (sound(key, value) === undefined) await survey.findings.add("row_damaged", `${space} ${shown(key)}`);
    }
  }
  let byte = gte[0] ?? 0;
  for (byte++; byte <= 0xff; byte++) {
    const begin = Buffer.from([byte]);
    if (keyspaceOf(begin) !== undefined) continue;
    const lt = byte === 0xff ? Buffer.alloc(64, 0xff) : Buffer.from([byte + 1]);
    for await (const chunk of chunks(survey, { gte: begin, lt })) for (const [key] of chunk) await survey.findings.add("row_unknown", shown(key));
  }
}

/** A number is one tenant's, and that tenant has not ended. */
export async function checkTenants(survey: Survey): Promise<void> {
  const names = new Map<number, string>();
  for await (const chunk of chunks(survey, keyspaceRange("meta"))) {
    for (const [key, value] of chunk) {
      const name = metaName(key);
      if (name.startsWith(endedPrefix) || !name.startsWith(tenantPrefix)) continue;
      const id = attempt(() => unsealJson(key, value) as number);
      if (id === undefined) continue;
      const tenant = name.slice(tenantPrefix.length);
      const other = names.get(id);
      if (other !== undefined) await survey.findings.add("tenant_contradiction", `\`${tenant}\` and \`${other}\` have the number ${id}`);
      if (survey.ended.has(id)) await survey.findings.add("tenant_contradiction", `\`${tenant}\` stands, and its number ${id} has ended`);
      names.set(id, tenant);
    }
  }
}
