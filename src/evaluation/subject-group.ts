/**
 * The subjects of one type and relation within a `SubjectSet`, and its operations case by case. With n(x) for how far x is
 * named, w for the wildcard and e(x) for how far x is excluded from it, x is in the group as far as
 *
 *     n(x) ∨ (w ∧ ¬e(x))
 *
 * in strong Kleene logic, where `and` is the minimum of the numbers below, `or` the maximum, `not` the distance from `yes`.
 */
export type Truth = 0 | 1 | 2;

export const no = 0;
/** Conditions decide. */
export const maybe = 1;
export const yes = 2;

export interface SubjectGroup {
  /** By id. */
  readonly named: Map<string, Found>;
  wildcard: Found | undefined;
  /** By id; empty without a wildcard. */
  excluded: Map<string, Found>;
}

/** How far something is in the group, never `no`, and the relations by which it came there. */
export interface Found {
  readonly truth: Truth;
  readonly through: ReadonlySet<string>;
}

export function found(truth: Truth, through: Iterable<string>): Found {
  return { truth, through: new Set(through) };
}

export function truthIn(group: SubjectGroup, id: string): Truth {
  return or(group.named.get(id)?.truth ?? no, covered(group, id));
}

/** Adds `other` to the group in place. */
export function uniteInto(group: SubjectGroup, other: SubjectGroup): void {
  if (other.wildcard !== undefined) uniteWildcards(group, other, other.wildcard);
  for (const [id, entry] of other.named) group.named.set(id, either(group.named.get(id), entry) ?? entry);
  // Who is named is there whatever the wildcard leaves out.
  for (const id of other.wildcard === undefined ? other.named.keys() : [...group.excluded.keys()]) {
    const named = group.named.get(id);
    const excluded = group.excluded.get(id);
    if (named === undefined || excluded === undefined) continue;
    const truth = and(excluded.truth, not(named.truth));
    if (truth === no) group.excluded.delete(id);
    else group.excluded.set(id, found(truth, [...excluded.through, ...named.through]));
  }
}

/** What one wildcard leaves out the other may cover, so that an exclusion remains only as far as neither does. */
function uniteWildcards(group: SubjectGroup, other: SubjectGroup, wildcard: Found): void {
  const united = either(group.wildcard, wildcard) ?? wildcard;
  const excluded = new Map<string, Found>();
  for (const id of new Set([...group.excluded.keys(), ...other.excluded.keys()])) {
    const covers = or(covered(group, id), covered(other, id));
    const inBoth = and(exclusion(group, id), exclusion(other, id));
    // Beside a conditional wildcard the exclusion from both may say too little or nothing; then it is what makes the whole exact.
    const truth = and(united.truth, not(inBoth)) === covers ? inBoth : not(covers);
    if (truth !== no) excluded.set(id, found(truth, [...throughOf(group.excluded.get(id)), ...throughOf(other.excluded.get(id))]));
  }
  group.wildcard = united;
  group.excluded = excluded;
}

export function intersection(a: SubjectGroup, b: SubjectGroup): SubjectGroup {
  const named = new Map<string, Found>();
  for (const id of new Set([...a.named.keys(), ...b.named.keys()])) {
    const [inA, inB] = [a.named.get(id), b.named.get(id)];
    const entry = either(either(both(inA, inB), inWildcard(id, inA, b)), inWildcard(id, inB, a));
    if (entry !== undefined) named.set(id, entry);
  }
  const wildcard = both(a.wildcard, b.wildcard);
  return { named, wildcard, excluded: wildcard === undefined ? new Map<string, Found>() : eitherOf(a.excluded, b.excluded) };
}

/** A subject named on one side, as far as the other side's wildcard covers it. */
function inWildcard(id: string, named: Found | undefined, group: SubjectGroup): Found | undefined {
  if (named === undefined || group.wildcard === undefined) return undefined;
  const covers = covered(group, id);
  const truth = and(named.truth, covers);
  if (truth === no) return undefined;
  return found(truth, covers === yes ? named.through : [...named.through, ...group.wildcard.through, ...throughOf(group.excluded.get(id))]);
}

export function difference(a: SubjectGroup, b: SubjectGroup): SubjectGroup {
  const named = new Map<string, Found>();
  for (const [id, entry] of a.named) {
    const truth = and(entry.truth, not(truthIn(b, id)));
    if (truth !== no) named.set(id, found(truth, [...entry.through, ...throughOf(b.named.get(id))]));
  }
  if (a.wildcard === undefined) return { named, wildcard: undefined, excluded: new Map() };
  // What the subtracted wildcard leaves out stays, and must now be named.
  for (const [id, { truth: spared, through }] of b.excluded) {
    const truth = and(and(covered(a, id), spared), not(b.named.get(id)?.truth ?? no));
    const entry = truth === no ? named.get(id) : either(named.get(id), found(truth, through));
    if (entry !== undefined) named.set(id, entry);
  }
  const truth = and(a.wildcard.truth, not(b.wildcard?.truth ?? no));
  if (truth === no) return { named, wildcard: undefined, excluded: new Map() };
  return { named, wildcard: found(truth, [...a.wildcard.through, ...throughOf(b.wildcard)]), excluded: eitherOf(a.excluded, b.named) };
}

/** How far the wildcard covers the id. */
function covered(group: SubjectGroup, id: string): Truth {
  return group.wildcard === undefined ? no : and(group.wildcard.truth, not(exclusion(group, id)));
}

/** Without a wildcard all are left out. */
function exclusion(group: SubjectGroup, id: string): Truth {
  return group.wildcard === undefined ? yes : (group.excluded.get(id)?.truth ?? no);
}

function either(a: Found | undefined, b: Found | undefined): Found | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return found(or(a.truth, b.truth), [...a.through, ...b.through]);
}

function both(a: Found | undefined, b: Found | undefined): Found | undefined {
  if (a === undefined || b === undefined) return undefined;
  return found(and(a.truth, b.truth), [...a.through, ...b.through]);
}

function eitherOf(a: ReadonlyMap<string, Found>, b: ReadonlyMap<string, Found>): Map<string, Found> {
  const all = new Map(a);
  for (const [id, entry] of b) all.set(id, either(all.get(id), entry) ?? entry);
  return all;
}

function throughOf(entry: Found | undefined): Iterable<string> {
  return entry?.through ?? [];
}

function and(a: Truth, b: Truth): Truth {
  return a < b ? a : b;
}

function or(a: Truth, b: Truth): Truth {
  return a > b ? a : b;
}

function not(a: Truth): Truth {
  return a === yes ? no : a === no ? yes : maybe;
}
