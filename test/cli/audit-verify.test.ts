import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { changeRecord, exportLines, openLog, record } from "../audit/verify/fixture.js";
import { inFolder } from "../support/folder.js";
import { usher } from "./command-line.js";

describe("usher audit verify", () => {
  it("says of a folder and of an export what they are, by a checkpoint and a key", () =>
    inFolder(async (folder) => {
      const [path, file, checkpoint, keyFile] = ["log", "export", "checkpoint", "key"].map((name) => join(folder, name)) as [string, string, string, string];
      const log = await openLog(path);
      const { key } = log.status;
      await record(log, 300);
      await writeFile(checkpoint, (await log.checkpoint()).checkpoint);
      await writeFile(file, (await exportLines(log)).join(""));
      await writeFile(keyFile, `${key}\n`);
      await log.close();
      for (const [what, given, size] of [[path, key, 303], [file, keyFile, 302]] as const) {
        const { code, stdout, stderr } = await usher(["audit", "verify", what, "--checkpoint", checkpoint, "--key", given]);
        assert.equal(code, 0, stderr);
        assert.match(stdout, new RegExp(`^checkpoints verified  \\d\nkey  ${key.replaceAll("+", "\\+")}\nsound  size ${size}  root [0-9a-f]{64}\n$`));
      }
    }));

  it("prints what it found, a finding a line, and ends with 1", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      await record(log, 300);
      await log.close();
      await changeRecord(folder, 7);
      const { code, stdout } = await usher(["audit", "verify", folder]);
      assert.equal(code, 1);
      assert.match(stdout, /^changed {2}record 7 is not what its hash says\n/);
      assert.match(stdout, /\n1 found {2}size 303 {2}root [0-9a-f]{64}\n$/);
      const json = await usher(["audit", "verify", folder, "--json"]);
      const found = JSON.parse(json.stdout) as { findings: unknown; size: number };
      assert.deepEqual([json.code, found.findings, found.size], [1, [{ word: "changed", index: 7, message: "record 7 is not what its hash says" }], 303]);
    }));

  it("ends with 4 where it cannot verify, and with 2 where nothing is named", () =>
    inFolder(async (folder) => {
      const text = join(folder, "text");
      await writeFile(text, "text\n");
      for (const [words, code, message] of [
        [[folder], 4, /usher: not_a_store: /],
        [[join(folder, "nowhere")], 4, /usher: invalid_file: /],
        [[text], 4, /usher: invalid_file: .*is no export/],
        [[text, "--checkpoint", text], 4, /usher: invalid_request: the checkpoint cannot be read/],
        [[text, "--key", text], 4, /usher: invalid_request: .*is no public key/],
        [[text, "--key", join(folder, "nowhere")], 4, /usher: invalid_file: /],
        [[], 2, /usher audit verify --help/],
      ] as const) {
        const ran = await usher(["audit", "verify", ...words]);
        assert.equal(ran.code, code, words.join(" "));
        assert.match(ran.stderr, message);
      }
    }));
});
