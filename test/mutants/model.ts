import type { Mutant } from "./mutant.js";

const conditions = ["test/model/conditions/evaluate.test.js"];
const shapes = ["test/model/schema/shape.test.js"];
const shape = "src/model/schema/shape.js";
const activation = "src/model/conditions/activation.js";
const expression = "src/model/schema/expression.js";

/** Conditions with their contexts, and the schema language. */
export const modelMutants: readonly Mutant[] = [
  {
    name: "the request's context wins over the stored one",
    file: activation,
    find: "if (stored !== undefined && name !== nowParameter",
    replace: "if (stored !== undefined && this.#requestContext[name] === undefined && name !== nowParameter",
    suites: conditions,
  },
  {
    name: "a missing field is false",
    file: activation,
    find: "throw absent;",
    replace: "return false;",
    suites: conditions,
  },
  {
    name: "a condition that lacks a field holds",
    file: "src/model/conditions/compile.js",
    find: 'return { kind: "missing", fields: missing, until };',
    replace: 'return { kind: "true", until };',
    suites: conditions,
  },
  {
    name: "a condition that lacks a field does not hold",
    file: "src/model/conditions/compile.js",
    find: 'return { kind: "missing", fields: missing, until };',
    replace: 'return { kind: "false", until };',
    suites: conditions,
  },
  {
    name: "an answer that rests on the time is valid for ever",
    file: activation,
    find: "this.#until = Math.min(this.#until, this.#now + ms);",
    replace: "{}",
    suites: ["test/model/conditions/watch-time.test.js"],
  },
  {
    name: "`&` binds tighter than `+`",
    file: expression,
    find: 'const next = () => (kind === "intersection" ?',
    replace: 'kind = kind === "intersection" ? "union" : "intersection";\n    const next = () => (kind === "union" ?',
    suites: ["test/model/schema/compile.test.js", "test/model/schema/good.test.js"],
  },
  {
    name: "exclusions group to the right",
    file: expression,
    find: 'const subtracted = operation("intersection", cursor, parentheses);',
    replace: "const subtracted = exclusion(cursor, parentheses);",
    suites: ["test/model/schema/compile.test.js", "test/model/schema/good.test.js"],
  },
  {
    name: "a relation admits tuples of any condition",
    file: shape,
    find: '(subject.condition ?? "") === shape.condition &&',
    replace: "",
    suites: shapes,
  },
  {
    name: "a relation admits tuples that do not expire where they must",
    file: shape,
    find: "subject.expiration === shape.expiring",
    replace: "true",
    suites: shapes,
  },
  {
    name: "a relation of users admits everybody",
    file: shape,
    find: "subject.wildcard === shape.wildcard &&",
    replace: "",
    suites: shapes,
  },
];
