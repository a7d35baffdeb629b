import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, touch, type Usher, type WatchEvent } from "../src/index.js";
import { drawExplanation } from "../src/cli/explanation.js";
import { Database } from "../src/database/database.js";
import { formatTuple } from "../src/model/tuple.js";
import { serve } from "../src/server/server.js";

/** A tour: who may do what, why, and what becomes of it when somebody leaves. On a real server, in a folder that is gone afterwards. */

const schema = `
use expiration

definition user {}

definition team {
	relation member: user
}

definition cluster {
	relation admin: user | team#member
	permission administer = admin
}

/** A cluster node: who operates it may restart it; only the cluster's admins may change it. */
definition node {
	relation cluster: cluster
	relation operator: user | team#member
	permission configure = cluster->administer
	permission restart = operator + configure
}

/** The data under a dashboard. */
definition dataset {
	relation analyst: user | team#member
	permission query = analyst
}

/** A dashboard shows a dataset; to view the one is not to query the other. */
definition dashboard {
	relation source: dataset
	relation viewer: user | team#member | user with expiration
	permission view = viewer + source->query
}
`;

const endOfContract = new Date(Date.now() + 30 * 86_400_000).toISOString();

const tuples = [
  "team:sre#member@user:ana",
  "team:platform#member@user:petra",
  "cluster:prod#admin@team:platform#member",
  "node:n1#cluster@cluster:prod",
  "node:n1#operator@team:sre#member",
  "dashboard:sales#source@dataset:orders",
  `dashboard:sales#viewer@user:carl[expiration:${endOfContract}]`,
  "dashboard:costs#viewer@team:audit#member",
  "team:audit#member@user:carl",
  "dataset:orders#analyst@user:dora",
];

const style = { style: (_style: string, text: string) => text };

async function tour(usher: Usher): Promise<void> {
  title("A schema says what there is, relation tuples say who is what to it");
  await usher.writeSchema(schema);
  const { zookie } = await usher.write(tuples.map(touch), { metadata: { reason: "first day" } });
  for (const tuple of tuples) line(tuple);

  title("An engineer may restart one node, and not change its configuration");
  await ask(usher, "node:n1", "restart", "user:ana");
  await ask(usher, "node:n1", "configure", "user:ana");
  await ask(usher, "node:n1", "configure", "user:petra");

  title("A contractor may view dashboards, and not query the data under them");
  await ask(usher, "dashboard:sales", "view", "user:carl");
  await ask(usher, "dashboard:costs", "view", "user:carl");
  await ask(usher, "dataset:orders", "query", "user:carl");

  title("Why? The answer explains itself");
  const { explanation } = await usher.check("node:n1", "restart", "user:ana", { explain: true });
  if (explanation !== undefined) for (const each of drawExplanation(explanation, style).split("\n")) line(each);

  title("Three services hold what the contractor may do: a dashboard, a download, a report that is being made");
  const guards = ["dashboard", "download", "report"].map((name) => ({ name, guard: usher.guard() }));
  const holds = await Promise.all(guards.map(({ guard }, i) => guard.hold(i === 2 ? "dashboard:costs" : "dashboard:sales", "view", "user:carl")));
  holds.forEach((hold, i) => {
    line(`${guards[i]?.name ?? ""} is open: ${String(hold.allowed)}`);
    hold.signal.addEventListener("abort", () => line(`${guards[i]?.name ?? ""} has ended: ${(hold.signal.reason as Error).message}`));
  });

  title("The contractor leaves: one call takes back everything that names him, says why, and waits until it is enforced");
  const watching = firstCommit(usher, zookie);
  const carl = [{ objectType: "user", objectId: "carl" }, { subjectType: "user", subjectId: "carl" }];
  const began = performance.now();
  const { deleted, enforcement } = await usher.deleteMatching(carl, { metadata: { reason: "contract ended", actor: "user:petra" }, awaitEnforcementMs: 12_000 });
  line(`deleted ${deleted} tuples; enforced at ${enforcement?.acknowledged ?? 0} of ${enforcement?.affected ?? 0} enforcement points, ${(performance.now() - began).toFixed(1)} ms after it was asked for`);
  line(`still allowed: ${holds.filter(({ allowed }) => allowed).length} of ${holds.length}`);
  for (const { guard } of guards) guard.close();

  title("A watcher hears of it as it happens");
  const event = await watching;
  line(`commit ${new Date(event.instant).toISOString()}  ${JSON.stringify(event.metadata)}`);
  for (const { kind, tuple } of event.operations) line(`${kind === "write" ? "+" : "-"} ${formatTuple(tuple)}`);

  title("And the next check denies");
  await ask(usher, "dashboard:sales", "view", "user:carl");
  await ask(usher, "dashboard:costs", "view", "user:carl");
  line("");
  line("(at the snapshot before, it did not:)");
  const before = await usher.can("dashboard:sales", "view", "user:carl", { consistency: { kind: "exact", zookie } });
  line(answerText("dashboard:sales", "view", "user:carl", before));
}

async function firstCommit(usher: Usher, after: string): Promise<WatchEvent & { kind: "commit" }> {
  for await (const event of usher.watch({ after })) {
    if (event.kind === "commit") return event;
  }
  throw new Error("the watch ended without a commit");
}

async function ask(usher: Usher, object: string, permission: string, subject: string): Promise<void> {
  line(answerText(object, permission, subject, await usher.can(object, permission, subject)));
}

function answerText(object: string, permission: string, subject: string, allowed: boolean): string {
  return `${allowed ? "✓" : "✗"} ${subject} ${allowed ? "may" : "may not"} ${permission} ${object}`;
}

function title(text: string): void {
  console.log(`\n${text}`);
}

function line(text: string): void {
  console.log(text === "" ? "" : `  ${text}`);
}

const folder = await mkdtemp(join(tmpdir(), "usher-demo-"));
try {
  const database = await Database.open(folder);
  const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => console.error(error) });
  try {
    const usher = await connect(server.address);
    try {
      await tour(usher);
    } finally {
      await usher.close();
    }
  } finally {
    await server.close(1_000);
    await database.close();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
