import { existsSync } from "node:fs";

import { chromium, type Page } from "playwright-core";

import { inFolder } from "../../support/folder.js";

/** Debian's, and those of others. Nothing is downloaded. */
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Undefined: this machine has none. */
export const chromiumPath = places.find((path) => existsSync(path));

/** It speaks to nobody but the test's own service. Root has no sandbox. */
const flags = [
  "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

/** A page of a browser that remembers nothing. */
export async function inChromium(executablePath: string, body: (page: Page) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const context = await chromium.launchPersistentContext(folder, { executablePath, args: flags, headless: true });
    try {
      await body(await context.newPage());
    } finally {
      await context.close();
    }
  });
}
