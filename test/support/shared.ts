import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Cases from others stand beside the checkout, where they stand at all. */
const shared = resolve(process.cwd(), "../shared");

export function sharedFile(...path: string[]): string {
  return readFileSync(join(shared, ...path), "utf8");
}

/** The names of a shared folder's files; undefined where the folder is missing, so that the test can skip and say so. */
export function sharedFolder(...path: string[]): string[] | undefined {
  const folder = join(shared, ...path);
  return existsSync(folder) ? readdirSync(folder).sort() : undefined;
}
