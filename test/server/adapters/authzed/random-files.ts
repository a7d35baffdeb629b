/** The same numbers for the same seed: a linear congruence of 32 bits, after Numerical Recipes. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }

  pick<Each>(list: readonly Each[]): Each {
    return list[this.below(list.length)]!;
  }
}

const relations = ["raa", "rbb", "rcc"] as const;
const [users, groups, docs] = [["1", "2", "3"], ["1", "2", "3"], ["1", "2", "3", "4"]] as const;

/**
 * A schema and relationships such as nobody would write, in SpiceDB's names: groups in groups, folders in folders, arrows, wildcards, caveats, exclusions and
 * intersections two deep. No group and no document leads back to itself: SpiceDB walks a cycle until it is too deep.
 */
export function randomFile(seed: number): { readonly schema: string; readonly relationships: string } {
  const dice = new Dice(seed);
  const [wild, conditional] = [dice.below(2) === 0, dice.below(2) === 0];
  const kinds = ["user", ...(wild ? ["user:*"] : []), "group#member", "doc#per0", ...(conditional ? ["user with few"] : [])];
  const allowed = () => ["user", ...kinds.slice(1).filter(() => dice.below(2) === 0)].join(" | ");
  const leaf = (before: number) => {
    const names = [...relations, ...Array.from({ length: before }, (_, i) => `per${i}`)];
    return dice.pick([dice.pick(names), dice.pick(names), `parent->${dice.pick(names)}`, "owner->member"]);
  };
  const expression = (before: number, depth: number): string =>
    depth === 0 || dice.below(3) === 0 ? leaf(before) : `(${expression(before, depth - 1)} ${dice.pick(["+", "+", "&", "-"])} ${expression(before, depth - 1)})`;
  const types = new Map<string, string>(relations.map((name) => [name, allowed()]));
  const members = ["user", "group#member", ...(conditional ? ["user with few"] : [])];
  const schema = [
    ...(conditional ? ["caveat few(n int) {\n  n < 10\n}"] : []),
    "definition user {}",
    `definition group {\n  relation member: ${members.join(" | ")}\n}`,
    "definition doc {\n  relation parent: doc\n  relation owner: group",
    ...[...types].map(([name, type]) => `  relation ${name}: ${type}`),
    ...Array.from({ length: 4 }, (_, i) => `  permission per${i} = ${expression(i, 2)}`),
    "}",
  ].join("\n");
  const subject = (type: string, higherThan: string): string | undefined => {
    const condition = type === "user with few" ? dice.pick(["[few]", '[few:{"n":5}]', '[few:{"n":50}]']) : "";
    if (type.startsWith("user")) return type === "user:*" ? type : `user:${dice.pick(users)}${condition}`;
    const above = (type === "group#member" ? groups : docs).filter((id) => higherThan === "" || id > higherThan);
    return above.length === 0 ? undefined : type.replace("#", `:${dice.pick(above)}#`);
  };
  const lines = new Map<string, string>();
  const add = (object: string, relation: string, found: string | undefined) => {
    if (found !== undefined) lines.set(`${object}#${relation}@${found.replace(/\[.*/, "")}`, `${object}#${relation}@${found}`);
  };
  for (let i = 0; i < 8; i++) {
    const group = dice.pick(groups);
    add(`group:${group}`, "member", subject(dice.pick(members), group));
  }
  for (let i = 0; i < 4; i++) {
    const doc = dice.pick(docs);
    const parents = docs.filter((id) => id > doc);
    if (parents.length > 0) add(`doc:${doc}`, "parent", `doc:${dice.pick(parents)}`);
    add(`doc:${dice.pick(docs)}`, "owner", `group:${dice.pick(groups)}`);
  }
  for (let i = 0; i < 12; i++) {
    const [doc, relation] = [dice.pick(docs), dice.pick(relations)];
    const type = dice.pick((types.get(relation) ?? "").split(" | "));
    add(`doc:${doc}`, relation, subject(type, type === "doc#per0" ? doc : ""));
  }
  return { schema, relationships: [...lines.values()].join("\n") };
}
