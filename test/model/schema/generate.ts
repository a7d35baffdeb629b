import fc from "fast-check";

/** Texts of sound schemas, and texts of no sense, for property tests. */

const relations = ["r1", "r2", "r3"] as const;
const types = ["user", "team", "acme/doc"] as const;
/** Relations that arrows may follow: they allow no wildcard. */
const arrows = ["up", "owner"] as const;

const subject = fc
  .record({
    type: fc.constantFrom("user", "team", "team#member", "user:*", "user#..."),
    required: fc.constantFrom("", " with weekday", " with expiration", " with weekday and expiration"),
  })
  .map(({ type, required }) => ({ key: type.replace("#...", "") + required, text: type + required }));

const subjects = fc.uniqueArray(subject, { minLength: 1, maxLength: 4, selector: ({ key }) => key }).map((list) => list.map(({ text }) => text));

const gap = fc.constantFrom(" ", "  ", "\n\t\t", " /* note */ ", " // note\n");

/** Expressions over relations and arrows alone, so that no permission can be defined by itself. */
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthIdentifier: "expression" },
    fc.constantFrom<string>(...relations, "nil", "self"),
    fc.tuple(fc.constantFrom(...arrows), fc.constantFrom("->member", "->p0", ".any(member)", ".all(p0)")).map((parts) => parts.join("")),
    fc.tuple(tie("expression"), gap, fc.constantFrom("+", "&", "-"), gap, tie("expression")).map((parts) => parts.join("")),
    tie("expression").map((inner) => `(${inner})`),
  ),
}));

export const expressionText = expression;

const comment = fc.constantFrom("", "", "// said\n", "/** documented */\n", "/* a\n   * b */\n", "/**\n * two\n    * lines\n */\n", "\n\n");

const relation = (name: string) => fc.tuple(comment, subjects).map(([before, list]) => `${before}relation ${name}: ${list.join(" | ")}`);

const permission = (name: string) =>
  fc.tuple(comment, expression, fc.constantFrom("", " // tail", ";")).map(([before, text, after]) => `${before}permission ${name} = ${text}${after}`);

const definition = (type: string) =>
  fc.tuple(comment, fc.tuple(...relations.map(relation)), fc.tuple(...["p0", "p1"].map(permission)), comment).map(
    ([before, ownRelations, permissions, last]) =>
      `${before}definition ${type} {${[...ownRelations, "relation up: acme/doc", "relation owner: team | user", ...permissions].join("\n")}\n${last}}`,
  );

/** A schema text that compiles. */
export const schemaText = fc.tuple(comment, comment, fc.tuple(...types.slice(2).map(definition)), comment).map(
  ([first, second, definitions, last]) =>
    `${first}use expiration\nuse self\n${second}caveat weekday(day int, days list<int>) { day in days && "}" != '{' }
definition user { }
definition team { relation member: user; permission p0 = member }
${definitions.join("\n")}
${last}`,
);

const strewn = fc.array(fc.tuple(fc.nat(), fc.constantFrom("/** x */", "/* y\n * z */", "// q\n", "/* a\n b */", "\n\n\n", "/** d\n   * e\n*/", ";", "/***/", "/*** v */")), { maxLength: 6 });

/** A schema text with comments, blank lines and `;` put wherever there was white space: some compile, some do not. */
export const strewnSchemaText = fc.tuple(schemaText, strewn).map(([text, pieces]) =>
  pieces.reduce((whole, [at, piece]) => {
    const gaps = [...whole.matchAll(/\s/g)].map((gap) => gap.index);
    const place = gaps[at % gaps.length] ?? 0;
    return `${whole.slice(0, place)} ${piece} ${whole.slice(place)}`;
  }, text),
);

const scraps = [
  "definition", "relation", "permission", "caveat", "partial", "use", "expiration", "self", "nil", "with", "and", "a", "b", "user", "a/b",
  "{", "}", "(", ")", "+", "&", "-", "->", ".", "...", "|", ":", "=", "#", "*", ",", "<", ">", ";", "\n", "\n", " ", "//", "/*", "*/", "/**",
  "\"", "'''", "\\", "1", "é", "\u202e", "\0", "\r", "int", "any", "all",
];

/** What looks like a schema from afar. */
export const tokenSoup = fc.array(fc.constantFrom(...scraps), { maxLength: 200 }).chain((tokens) => fc.constantFrom("", " ").map((between) => tokens.join(between)));
