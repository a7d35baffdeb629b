import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { touch } from "../../src/client/references.js";
import { typed, typedOperations, type SchemaTypes } from "../../src/client/typed.js";
import type { Usher } from "../../src/client/usher.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { formatSchemaTypes } from "../../src/model/schema/types.js";

const schema = `
use expiration

caveat office_hours(hour int, zones list<string>) { hour > 9 && "eu" in zones }

definition user {}

definition acme/team {
  relation member: user | acme/team#member
}

/** A machine. */
definition node {
  relation parent: node
  relation operator: acme/team#member | user with office_hours and expiration
  relation guest: user:*
  permission restart = operator + parent->restart
  permission view = restart + guest
}
`;

const head = `
import { object, subject, typed, typedOperations, type CheckItem, type Usher } from "usherdb";
import type { ObjectType, Permission, Relation, Schema } from "./schema.js";
declare const plain: Usher;
declare const id: string;
const usher = typed<Schema>(plain);
const { create, remove, touch } = typedOperations<Schema>();
`;

/** Statements that compile. */
const right = [
  `await usher.check("node:n1", "restart", "user:ana")`,
  `await usher.check("node:n1", "operator", "acme/team:sre#member")`,
  `await usher.check(object("node", id), "view", object("user", id), { explain: true, context: { hour: 9, zones: ["eu"] } })`,
  `if (await usher.can(object("acme/team", id), "member", subject("acme/team", id, "member"))) void 0`,
  `await usher.expand("acme/team:x", "member", { deep: true })`,
  `for await (const node of usher.lookupObjects("node", "restart", "user:ana", { context: { hour: 9 }, pageSize: 10 })) { const type: "node" = node.type; void type; }`,
  `await usher.lookupObjectsPage("acme/team", "member", subject("acme/team", id, "member"), { cursor: id })`,
  `for await (const user of usher.lookupSubjects(object("node", id), "view", "user")) void user.excluded`,
  `await usher.countSubjects("node:n1", "restart", "acme/team#member")`,
  `await usher.lookupPermissions("node:n1", object("user", id), { relations: true })`,
  `await usher.batchCheck([{ object: "node:n1", permission: "view", subject: "user:ana", context: { hour: "9" } }, { object: object("acme/team", id), permission: "member", subject: subject("user", id) }])`,
  `await usher.withTenant("acme").can("node:n1", "view", "user:ana")`,
  `await usher.write([create("acme/team:sre#member@user:ana"), touch("acme/team:sre#member@acme/team:x#member"), remove("node:n1#guest@user:*")])`,
  `touch('node:n1#operator@user:ana[office_hours:{"zones":["#"]}][expiration:2030-01-01T00:00:00Z]')`,
  `touch({ object: object("node", id), relation: "operator", subject: subject("acme/team", id, "member") })`,
  `touch({ object: object("node", id), relation: "operator", subject: subject("user", id), condition: { name: "office_hours", context: {} }, expiresAt: 1 })`,
  `for await (const tuple of usher.read({ objectType: "node" })) void tuple`,
  `const type: ObjectType = "acme/team"; const relation: Relation<"node"> = "guest"; const permission: Permission<"node"> = "view"; void [type, relation, permission]`,
];

/** Statements that do not, each for one reason alone. */
const wrong: [what: string, statement: string][] = [
  ["a misspelt permission", `await usher.check("node:n1", "restrat", "user:ana")`],
  ["a misspelt permission of a structured object", `await usher.can(object("node", id), "restrat", "user:ana")`],
  ["a permission of another type", `await usher.check("node:n1", "member", "user:ana")`],
  ["a misspelt type of object", `await usher.check("nod:n1", "restart", "user:ana")`],
  ["a misspelt type of a structured object", `await usher.check(object("nod", id), "restart", "user:ana")`],
  ["a type without its prefix", `await usher.check("team:n1", "member", "user:ana")`],
  ["an object that is not a literal", `await usher.check(id, "restart", "user:ana")`],
  ["a misspelt type of subject", `await usher.check("node:n1", "restart", "usr:ana")`],
  ["a misspelt type of a structured subject", `await usher.check("node:n1", "restart", object("usr", id))`],
  ["a misspelt relation of a subject", `await usher.check("node:n1", "restart", "acme/team:x#membr")`],
  ["a misspelt relation of a structured subject", `await usher.check("node:n1", "restart", subject("acme/team", id, "membr"))`],
  ["a subject that is not a literal", `await usher.check("node:n1", "restart", id)`],
  ["a misspelt context field", `await usher.check("node:n1", "restart", "user:ana", { context: { huor: 9 } })`],
  ["a context field of another type", `await usher.check("node:n1", "restart", "user:ana", { context: { zones: "eu" } })`],
  ["a misspelt permission in a batch", `await usher.batchCheck([{ object: "node:n1", permission: "restrat", subject: "user:ana" }])`],
  ["a misspelt subject in a batch", `await usher.batchCheck([{ object: "node:n1", permission: "restart", subject: "usr:ana" }])`],
  ["a misspelt permission to expand", `await usher.expand("node:n1", "restrat")`],
  ["a misspelt type to look up", `usher.lookupObjects("nod", "restart", "user:ana")`],
  ["a misspelt permission to look up objects by", `usher.lookupObjects("node", "restrat", "user:ana")`],
  ["a misspelt subject to look up objects of", `usher.lookupObjects("node", "restart", "usr:ana")`],
  ["a misspelt context field of a lookup", `await usher.countObjects("node", "restart", "user:ana", { context: { huor: 9 } })`],
  ["a misspelt permission to look up subjects by", `usher.lookupSubjects("node:n1", "restrat", "user")`],
  ["a misspelt kind of subjects", `usher.lookupSubjects("node:n1", "restart", "acme/team#membr")`],
  ["a misspelt object to look up permissions of", `await usher.lookupPermissions("nod:n1", "user:ana")`],
  ["a misspelt permission as another tenant", `await usher.withTenant("acme").can("node:n1", "restrat", "user:ana")`],
  ["a tuple of a misspelt type", `touch("nod:n1#guest@user:*")`],
  ["a tuple of a misspelt relation", `touch("node:n1#gest@user:*")`],
  ["a tuple of a permission", `touch("node:n1#view@user:ana")`],
  ["a tuple of a misspelt subject", `touch("acme/team:x#member@usr:ana")`],
  ["a tuple of a userset with a misspelt relation", `touch("node:n1#operator@acme/team:x#membr")`],
  ["a tuple of an object where its userset is allowed", `touch("node:n1#operator@acme/team:x")`],
  ["a tuple of a wildcard where objects are allowed", `touch("acme/team:x#member@user:*")`],
  ["a tuple of an object where the wildcard is allowed", `touch("node:n1#guest@user:ana")`],
  ["a tuple that is not a literal", `touch(id)`],
  ["a structured tuple of a misspelt relation", `touch({ object: object("node", id), relation: "gest", subject: subject("user", id) })`],
  ["a structured tuple of a subject that is not allowed", `touch({ object: object("node", id), relation: "parent", subject: subject("user", id) })`],
  ["a permission taken for a relation", `const relation: Relation<"node"> = "view"; void relation`],
];

describe("the types of a schema", () => {
  let folder: string;
  let messages: ReadonlyMap<string, string[]>;

  before(async () => {
    // Beside the compiled sources, where the packages that they import are found.
    folder = await mkdtemp(fileURLToPath(new URL("../../typed-", import.meta.url)));
    const files = new Map([["schema.ts", formatSchemaTypes(compileSchema(schema))], ["right.ts", head + right.join(";\n")]]);
    wrong.forEach(([, statement], index) => files.set(`wrong${index}.ts`, `${head}${statement};`));
    for (const [name, text] of files) await writeFile(join(folder, name), text);
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    messages = compile(folder, [...files.keys()]);
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  it("compile, and everything right with them", () => {
    assert.deepEqual(messages.get("schema.ts"), undefined);
    assert.deepEqual(messages.get("right.ts"), undefined);
  });

  wrong.forEach(([what, statement], index) => {
    it(`do not compile with ${what}`, () => {
      const found = messages.get(`wrong${index}.ts`) ?? [];
      assert.ok(found.length > 0, `${statement} compiles`);
      for (const message of found) assert.match(message, /not assignable|does not exist in type|is not comparable/);
    });
  });

  it("keep doc comments and are the same for the same schema", async () => {
    const text = await readFile(join(folder, "schema.ts"), "utf8");
    assert.ok(text.includes('    /** A machine. */\n    readonly "node": {\n'), text);
    assert.equal(text, formatSchemaTypes(compileSchema(schema)));
  });

  it("cost nothing: the object is the very same, and so are the functions", () => {
    type None = SchemaTypes & { readonly objects: object };
    const usher = {} as Usher;
    assert.equal(typed<None>(usher), usher);
    assert.equal(typedOperations<None>().touch, touch);
  });

  it("are of a schema of nothing, too", () => {
    assert.match(formatSchemaTypes(compileSchema("")), /readonly objects: \{\n {2}\};/);
  });

  it("let no comment end itself", () => {
    const text = formatSchemaTypes(compileSchema("// evil */ export const x = 1; /*\n/** one\n * two */\ndefinition user {}"));
    assert.deepEqual(ts.transpileModule(text, { reportDiagnostics: true }).diagnostics, []);
    assert.doesNotMatch(ts.transpileModule(text, { compilerOptions: { removeComments: true, module: ts.ModuleKind.ESNext } }).outputText, /x = 1/);
  });
});

/** What the compiler says of each file, under the project's own settings; nothing of those that are right. */
function compile(folder: string, names: readonly string[]): Map<string, string[]> {
  const index = fileURLToPath(new URL("../../src/index.d.ts", import.meta.url));
  const program = ts.createProgram(
    names.map((name) => join(folder, name)),
    {
      target: ts.ScriptTarget.ES2023, lib: ["lib.es2024.d.ts"], module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true, noEmit: true, skipLibCheck: true, types: ["node"], paths: { usherdb: [index] },
    },
  );
  const messages = new Map<string, string[]>();
  for (const { file, messageText } of ts.getPreEmitDiagnostics(program)) {
    const name = file === undefined ? "" : file.fileName.slice(file.fileName.lastIndexOf("/") + 1);
    messages.set(name, [...(messages.get(name) ?? []), ts.flattenDiagnosticMessageText(messageText, "\n")]);
  }
  return messages;
}
