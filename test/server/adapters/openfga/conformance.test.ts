import assert from "node:assert/strict";

import { ErrorCode, FgaApiError, type OpenFgaClient, type TupleKey } from "@openfga/sdk";
import { parse } from "yaml";

import { sharedFile, sharedFolder } from "../../../support/shared.js";
import { FgaServer } from "./fga-server.js";

interface Question {
  readonly contextualTuples?: readonly TupleKey[];
  readonly context?: object;
  readonly errorCode?: number;
}

interface Stage {
  readonly model: string;
  readonly tuples?: readonly TupleKey[];
  readonly checkAssertions?: readonly (Question & { readonly tuple: TupleKey; readonly expectation: boolean })[];
  readonly listObjectsAssertions?: readonly (Question & { readonly request: { readonly user: string; readonly type: string; readonly relation: string }; readonly expectation: readonly string[] | null })[];
  readonly listUsersAssertions?: readonly (Question & { readonly request: { readonly filters: readonly string[]; readonly object: string; readonly relation: string }; readonly expectation: readonly string[] | null })[];
}

interface Case {
  readonly name: string;
  readonly stages: readonly Stage[];
}

const codes: Readonly<Record<number, string>> = { 2000: ErrorCode.ValidationError, 2027: ErrorCode.InvalidTuple };

/** What does not pass, each with its reason in the adapter's README. One that begins to pass must go from here, and from there. */
const differences: readonly string[] = [];

describe("OpenFGA's conformance tests", function () {
  this.timeout(120_000);
  const files = sharedFolder("conformance", "openfga");
  if (files === undefined) {
    it("are beside the checkout", function () {
      console.log("      skipped: there is no ../shared/conformance/openfga");
      this.skip();
    });
    return;
  }
  let server: FgaServer;
  before(async () => {
    server = await FgaServer.open();
  });
  after(async () => server.close());

  it("pass, through OpenFGA's client, with tuples stored and contextual, all but those of the list", async () => {
    const failed: string[] = [];
    asked = 0;
    for (const { name, stages } of files.flatMap((file) => (parse(sharedFile("conformance", "openfga", file)) as { tests: Case[] }).tests)) {
      const store = await server.store();
      for (const [i, stage] of stages.entries()) {
        await server.model(store, stage.model).catch((error: unknown) => assert.fail(`${name}: ${JSON.stringify((error as FgaApiError).responseData)}`));
        if (stage.tuples !== undefined && stage.tuples.length > 0) await store.writeTuples([...stage.tuples]);
        failed.push(...(await ask(store, stage, [])).map((line) => `${name}/${i}: ${line}`));
      }
      const [only] = stages;
      if (stages.length > 1 || only?.tuples === undefined || only.tuples.length > 20) continue;
      const bare = await server.store(only.model);
      failed.push(...(await ask(bare, only, only.tuples)).map((line) => `${name}, contextual: ${line}`));
    }
    assert.deepEqual(failed, differences);
    assert.ok(asked > 500, `only ${asked} questions were asked`);
  });
});

/** So that a file that is read wrongly does not pass for one that passes. */
let asked = 0;

async function ask(store: OpenFgaClient, stage: Stage, tuples: readonly TupleKey[]): Promise<string[]> {
  const failed: string[] = [];
  const expect = async (what: object, question: Question, expected: unknown, answer: (contextualTuples: TupleKey[]) => Promise<unknown>) => {
    asked++;
    const wanted = question.errorCode === undefined ? expected : codes[question.errorCode];
    const got = await answer([...tuples, ...(question.contextualTuples ?? [])]).catch(codeOf);
    if (!same(got, wanted)) failed.push(`${JSON.stringify(what)} expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
  };
  for (const each of stage.checkAssertions ?? []) {
    const { context = {} } = each;
    await expect({ check: each.tuple, context }, each, each.expectation, async (contextualTuples) => (await store.check({ ...each.tuple, context, contextualTuples })).allowed);
  }
  for (const each of stage.listObjectsAssertions ?? []) {
    const { context = {} } = each;
    await expect({ list: each.request, context }, each, each.expectation ?? [], async (contextualTuples) => (await store.listObjects({ ...each.request, context, contextualTuples })).objects);
  }
  for (const each of stage.listUsersAssertions ?? []) {
    const { context = {} } = each;
    const [type = "", id = ""] = each.request.object.split(":");
    await expect({ users: each.request, context }, each, each.expectation ?? [], async (contextualTuples) => {
      const filters = each.request.filters.map((filter) => ({ type: filter.split("#")[0] ?? "", ...(filter.includes("#") && { relation: filter.split("#")[1] ?? "" }) }));
      const { users } = await store.listUsers({ object: { type, id }, relation: each.request.relation, user_filters: filters, context, contextualTuples });
      return users.map(({ object, userset, wildcard }) => (object ? `${object.type}:${object.id}` : userset ? `${userset.type}:${userset.id}#${userset.relation}` : `${wildcard?.type ?? ""}:*`));
    });
  }
  return failed;
}

function same(got: unknown, wanted: unknown): boolean {
  return Array.isArray(got) && Array.isArray(wanted) ? JSON.stringify([...(got as unknown[])].sort()) === JSON.stringify([...(wanted as unknown[])].sort()) : got === wanted;
}

function codeOf(error: unknown): string {
  if (error instanceof FgaApiError) return String((error.responseData as { code?: string } | undefined)?.code ?? error.message);
  throw error;
}
