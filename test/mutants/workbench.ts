import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { mutate, type Mutant } from "./mutant.js";

/** The compiled tree that this file is part of, and the checkout around it. */
export const compiled = fileURLToPath(new URL("../../", import.meta.url));
const checkout = dirname(compiled);

/** As many random cases as catch nearly every mutant; the suites have more when they run for themselves. */
const casesDefault = 200;
const conformanceCasesMax = 40;
/** Without a mutant the same cases come, in the same order; a few tell that the suites work at all. */
const casesBaseline = 20;

/** A suite that a mutant has made to hang is ended by mocha's own time limit, and by this one if that is not kept. */
const suiteMsMax = 400_000;
const outputBytesMax = 64 * 1024 * 1024;

/** What a run of suites came to. */
export interface SuiteRun {
  readonly passes: number;
  /** The title of the test that failed first; undefined: none did. */
  readonly failed?: string;
}

interface Report {
  readonly stats: { readonly passes: number };
  readonly failures: readonly { readonly fullTitle: string }[];
}

/**
 * A copy of the compiled tree in a folder of its own, in which one mutant at a time is alive. What it was copied
 * from is never changed. `run` and `baseline` must not be called at the same time.
 */
export class Workbench {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(): Promise<Workbench> {
    const root = await mkdtemp(join(tmpdir(), "usher-mutants-"));
    const only = (source: string) => extname(source) === "" || /\.js$/.test(source);
    for (const part of ["src", "test"]) await cp(join(compiled, part), join(root, "dist", part), { recursive: true, filter: only });
    for (const name of ["node_modules", "package.json", "proto"]) await symlink(join(checkout, name), join(root, name));
    return new Workbench(root);
  }

  close(): Promise<void> {
    return rm(this.#root, { recursive: true, force: true });
  }

  /** The suites without a mutant: where they fail by themselves, a mutant's failing proves nothing. */
  baseline(suites: readonly string[]): Promise<SuiteRun> {
    return this.#run(suites, casesBaseline);
  }

  /** The mutant's suites while it is alive. @throws Error where it does not apply, or the suites could not be loaded */
  async run(mutant: Mutant): Promise<SuiteRun> {
    const file = join(this.#root, "dist", mutant.file);
    const original = await readFile(file, "utf8");
    await writeFile(file, mutate(original, mutant));
    try {
      return await this.#run(mutant.suites, mutant.cases);
    } finally {
      await writeFile(file, original);
    }
  }

  async #run(suites: readonly string[], cases = casesDefault): Promise<SuiteRun> {
    const report = join(this.#root, "report.json");
    await rm(report, { force: true });
    const dist = (name: string) => join(this.#root, "dist", name);
    const mocha = createRequire(import.meta.url).resolve("mocha/bin/mocha.js");
    const output = await this.#node([
      mocha, "--no-config", "--bail", "--exit", "--timeout", "30000", "--reporter", "json", "--reporter-option", `output=${report}`,
      "--require", dist("test/mutants/seed.js"), ...suites.map(dist),
    ], { TEST_FUZZ_RUNS: String(cases), TEST_CONFORMANCE_RUNS: String(Math.min(cases, conformanceCasesMax)) });
    const { stats, failures } = JSON.parse(await readFile(report, "utf8").catch(() => unloaded(suites, output))) as Report;
    const [first] = failures;
    if (first === undefined && stats.passes === 0) throw new Error(`no test ran in ${suites.join(", ")}`);
    return { passes: stats.passes, ...(first === undefined ? {} : { failed: first.fullTitle }) };
  }

  /** What the process said; how it ended is in mocha's report. In the checkout, so that the cases that stand beside it are found. */
  #node(args: readonly string[], environment: Record<string, string>): Promise<string> {
    return new Promise((resolve) => {
      const options = { cwd: checkout, env: { ...process.env, ...environment }, timeout: suiteMsMax, maxBuffer: outputBytesMax };
      execFile(process.execPath, args, options, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
  }
}

function unloaded(suites: readonly string[], output: string): never {
  throw new Error(`${suites.join(", ")} could not be run to the end:\n${output.slice(-2_000)}`);
}
