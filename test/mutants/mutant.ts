/**
 * A bug, seeded into the compiled code, and the suites of which one test at least must fail because of it.
 * A mutant is of what matters: an authorization given wrongly, a commit lost or seen out of order, a bound not held.
 */
export interface Mutant {
  /** What the code then does wrong. */
  readonly name: string;
  /** In the compiled tree: `src/evaluation/walk.js`. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** In the compiled tree: `test/evaluation/oracle.test.js`. */
  readonly suites: readonly string[];
  /** How many random cases it takes where the usual number is not enough. */
  readonly cases?: number;
}

/** The mutated text. @throws Error where `find` does not stand in it exactly once: such a mutant would prove nothing */
export function mutate(text: string, { name, file, find, replace }: Mutant): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined) throw new Error(`mutant "${name}": \`${find}\` is not in ${file}: follow what the code has become`);
  if (more.length > 0) throw new Error(`mutant "${name}": \`${find}\` stands ${more.length + 1} times in ${file}: make it longer`);
  if (find === replace) throw new Error(`mutant "${name}" changes nothing`);
  return before + replace + after;
}
