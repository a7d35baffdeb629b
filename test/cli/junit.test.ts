import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { escapeText } from "../../src/cli/junit.js";
import { usher } from "./command-line.js";

const file = `schema: |-
  definition user {}
  definition doc {
    relation viewer: user
    permission view = viewer
  }
relationships: |-
  doc:1#viewer@user:ana
  doc:1#viewer@user:a<b>&"c"
assertions:
  assertTrue:
    - doc:1#view@user:ana
    - 'doc:1#view@user:x<y>&"z"'
validation:
  doc:1#view:
    - "[user:ana] is <doc:1#viewer>"
    - "[user:di] is <doc:1#viewer>"
`;

describe("usher test --junit", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-junit-"));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  it("writes a suite a file and a case an assertion or validation", async () => {
    const [good, missing, report] = ["doc.yaml", "none.yaml", "report.xml"].map((name) => join(folder, name)) as [string, string, string];
    await writeFile(good, file);
    const ran = await usher(["test", good, missing, "--junit", report]);
    assert.equal(ran.code, 4);
    assert.match(ran.stdout, /2 failed|3 failed/);
    const xml = (await readFile(report, "utf8")).replaceAll(folder, "");
    assert.equal(
      xml,
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="usher test" tests="4" failures="2" errors="1">
  <testsuite name="/doc.yaml" file="/doc.yaml" tests="3" failures="2" errors="0">
    <testcase name="assertTrue \`doc:1#view@user:ana\`" classname="/doc.yaml" file="/doc.yaml" line="12"/>
    <testcase name="assertTrue \`doc:1#view@user:x&lt;y&gt;&amp;\\&quot;z\\&quot;\`" classname="/doc.yaml" file="/doc.yaml" line="13">
      <failure message="assertTrue \`doc:1#view@user:x&lt;y&gt;&amp;\\&quot;z\\&quot;\`: expected allowed, is denied" type="failure">/doc.yaml:13: assertTrue \`doc:1#view@user:x&lt;y&gt;&amp;\\&quot;z\\&quot;\`: expected allowed, is denied
✗ doc:1#view
└─ ✗ doc:1#viewer</failure>
    </testcase>
    <testcase name="validation of \`doc:1#view\`" classname="/doc.yaml" file="/doc.yaml" line="15">
      <failure message="validation of \`doc:1#view\`: not listed: \`[user:a&lt;b&gt;&amp;\\&quot;c\\&quot;] is &lt;doc:1#viewer&gt;\` (and 1 more)" type="failure">/doc.yaml:15: validation of \`doc:1#view\`: not listed: \`[user:a&lt;b&gt;&amp;\\&quot;c\\&quot;] is &lt;doc:1#viewer&gt;\`
/doc.yaml:17: validation of \`doc:1#view\`: expected \`[user:di] is &lt;doc:1#viewer&gt;\`, is not there</failure>
    </testcase>
  </testsuite>
  <testsuite name="/none.yaml" file="/none.yaml" tests="1" failures="0" errors="1">
    <testcase name="the file" classname="/none.yaml" file="/none.yaml">
      <error message="file \`/none.yaml\` cannot be read: ENOENT: no such file or directory, stat &apos;/none.yaml&apos;" type="invalid_file">file \`/none.yaml\` cannot be read: ENOENT: no such file or directory, stat &apos;/none.yaml&apos;</error>
    </testcase>
  </testsuite>
</testsuites>
`.replaceAll("&apos;", "'"),
    );
  });

  it("says so where the report cannot be written", async () => {
    const path = join(folder, "ok.yaml");
    await writeFile(path, "schema: definition user {}\n");
    const ran = await usher(["test", path, "--junit", join(folder, "no", "report.xml")]);
    assert.equal(ran.code, 4);
    assert.match(ran.stderr, /^usher: invalid_file: file `.*report\.xml` cannot be written: ENOENT/);
  });

  it("escapes whatever a text holds, so that XML holds it", () => {
    // Tabs and line ends may stand; what XML forbids altogether is replaced; the rest is escaped or as it was.
    assert.equal(escapeText("a\u0000b\u001b[31m\ufffe\ud800c\t\n<é😀>\r"), "a\ufffdb\ufffd[31m\ufffd\ufffdc\t\n&lt;é😀&gt;&#13;");
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const escaped = escapeText(text);
        assert.match(escaped, /^(?:[\t\n\u0020-\ud7ff\ue000-\ufffd]|[\u{10000}-\u{10ffff}])*$/u);
        assert.doesNotMatch(escaped, /[<>"]|&(?!amp;|lt;|gt;|quot;|#13;)/);
      }),
    );
  });

  it("is read by an XML parser, where there is one", async function () {
    const report = join(folder, "read.xml");
    const path = join(folder, "read.yaml");
    await writeFile(path, file);
    await usher(["test", path, "--junit", report]);
    const program = "import sys, xml.dom.minidom as m; d = m.parse(sys.argv[1]); print(len(d.getElementsByTagName('testcase')), len(d.getElementsByTagName('failure')))";
    let printed: string;
    try {
      printed = execFileSync("python3", ["-c", program, report], { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      this.skip();
    }
    assert.equal(printed.trim(), "3 2");
  });
});
