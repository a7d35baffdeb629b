import assert from "node:assert/strict";
import { limits } from "../../../src/base/limits.js";
import { allowed, denied } from "../../../src/evaluation/answer.js";
import { Budget } from "../../../src/evaluation/cache/budget.js";
import { Result, type FieldsRead } from "../../../src/evaluation/cache/result.js";
import { SubjectView } from "../../../src/evaluation/cache/subject-view.js";
import { parseTuple } from "../../../src/model/tuple-text.js";

const tuple = (id: number | string) => ({ ...parseTuple(`document:${id}#viewer@user:ana`), since: 1 });
const keyOf = (id: number | string) => `document:${id}#viewer`;
const always = () => true;

function resultOf(fields?: FieldsRead, answer = denied): Result {
  return new Result({ answer, height: 0, cutAt: -1, footprint: [], fields }, { revision: 1, now: 0 });
}

function fixture(bytesMax?: number) {
  const budget = new Budget(bytesMax);
  const era = { count: 0 };
  return { budget, era, view: new SubjectView(budget, era) };
}

describe("what is known of a subject", () => {
  it("is asked for key by key at first, then as a whole", () => {
    const { view } = fixture();
    for (let i = 0; i < 15; i++) view.probe(keyOf(i));
    view.probe(keyOf(0));
    assert.equal(view.wantsAll(false), 0);
    view.probe(keyOf(15));
    assert.equal(view.wantsAll(false), limits.subjectTuplesMax);
    view.fill([tuple(3)], 1, limits.subjectTuplesMax);
    assert.equal(view.wantsAll(false), 0);
    assert.deepEqual([view.known(keyOf(3)), view.known(keyOf(4))], [tuple(3), null]);
  });

  it("as a whole is not taken from a snapshot that a commit has overtaken", () => {
    const { view } = fixture();
    view.change(keyOf(1), null, 5);
    assert.equal(view.fill([tuple(1)], 4, limits.subjectTuplesMax), false);
    assert.equal(view.known(keyOf(1)), undefined);
    assert.equal(view.fill(undefined, 4, limits.subjectTuplesMax), false, "nor that they are too many");
    for (let i = 0; i < 16; i++) view.probe(keyOf(i));
    assert.equal(view.wantsAll(false), limits.subjectTuplesMax);
    assert.ok(view.fill([], 5, limits.subjectTuplesMax));
    assert.equal(view.known(keyOf(1)), null);
  });

  it("as a whole is kept true by commits, and what rests on it falls with each of them", () => {
    const { view } = fixture();
    view.fill([tuple(1)], 1, limits.subjectTuplesMax);
    view.change(keyOf(1), null, 2);
    view.change(keyOf(2), tuple(2), 3);
    assert.deepEqual([view.known(keyOf(1)), view.known(keyOf(2))], [null, tuple(2)]);
    assert.equal(view.changedAt, 3);
    assert.deepEqual(view.knownOf("document", "viewer"), [tuple(2)]);
    assert.deepEqual(view.knownOf("document", "editor"), []);
    assert.deepEqual(view.knownOf("folder", "viewer"), []);
  });

  it("key by key is kept true as well, before all is known and after", () => {
    const { view } = fixture();
    const leaf = view.probe(keyOf(1));
    view.change(keyOf(1), tuple(1), 2);
    assert.deepEqual([leaf.value, leaf.changedAt], [tuple(1), 2]);
    view.fill([tuple(1)], 2, limits.subjectTuplesMax);
    view.change(keyOf(1), null, 3);
    assert.deepEqual([leaf.value, leaf.changedAt], [null, 3]);
  });

  it("is asked for key by key again where there is too much of it, and stays so", () => {
    const { view } = fixture();
    for (let i = 0; i < 16; i++) view.probe(keyOf(i));
    view.fill(undefined, 1, limits.subjectTuplesMax);
    assert.equal(view.wantsAll(false), 0);
    assert.equal(view.known(keyOf(1)), undefined);
  });

  it("is asked for as a whole at once where many keys are to be expected, and key by key where there is more than a few", () => {
    const { view } = fixture();
    assert.equal(view.wantsAll(true), limits.subjectTuplesFewMax);
    view.fill(undefined, 1, limits.subjectTuplesFewMax);
    assert.deepEqual([view.wantsAll(true), view.known(keyOf(1))], [0, undefined]);
    for (let i = 0; i < 16; i++) view.probe(keyOf(i));
    assert.equal(view.wantsAll(true), limits.subjectTuplesMax);
    view.fill(undefined, 1, limits.subjectTuplesMax);
    assert.deepEqual([view.wantsAll(true), view.wantsAll(false)], [0, 0]);
  });

  it("as a whole may grow to twice what is loaded, and is given up beyond", () => {
    const { view } = fixture();
    const most = limits.subjectTuplesMax;
    view.fill(Array.from({ length: most }, (_, i) => tuple(i)), 1, limits.subjectTuplesMax);
    for (let i = most; i < 2 * most; i++) view.change(keyOf(i), tuple(i), 2);
    assert.deepEqual(view.known(keyOf(most)), tuple(most));
    view.change(keyOf(2 * most), tuple(2 * most), 3);
    assert.equal(view.known(keyOf(most)), undefined);
    assert.equal(view.changedAt, 3);
    assert.equal(view.wantsAll(false), 0);
  });

  it("weighs what it holds, as loaded and as commits change it", () => {
    const { view, budget } = fixture();
    const long = { ...tuple(1), condition: { name: "on", context: { text: "x".repeat(60_000) } } };
    const empty = view.bytes;
    view.fill([long], 1, limits.subjectTuplesMax);
    assert.ok(view.bytes > 60_000);
    const charged = budget.bytes;
    view.change(keyOf(2), { ...long, ...tuple(2), condition: long.condition }, 2);
    assert.ok(view.bytes > 120_000);
    assert.ok(budget.bytes > charged + 60_000);
    view.change(keyOf(1), null, 3);
    view.change(keyOf(2), null, 4);
    assert.equal(view.bytes, empty);
  });
});

describe("results about a subject", () => {
  it("are kept under the values of the fields that they read, a few of each", () => {
    const { view } = fixture();
    const of = (value: string) => ({ names: ["x"], values: [value] });
    for (const value of ["1", "2", "3", "4", "5"]) view.keep("document:1#view", resultOf(of(value)), 0);
    const find = (value: string) => view.result("document:1#view", ({ values }) => values[0] === value)?.fields;
    assert.deepEqual(["1", "2", "3", "4", "5"].map(find), [undefined, of("2"), of("3"), of("4"), of("5")]);
    assert.equal(view.result("document:2#view", always), undefined);
  });

  it("that read no field serve every context", () => {
    const { view } = fixture();
    const found = resultOf(undefined, allowed);
    view.keep("document:1#view", found, 0);
    assert.equal(view.result("document:1#view", () => false), found);
  });

  it("are forgotten with the epoch, with which what they rest on may be forgotten", () => {
    const { view, budget } = fixture(10_000);
    view.keep("document:1#view", resultOf(), 0);
    budget.charge(5_001);
    budget.turn();
    assert.equal(view.result("document:1#view", always), undefined);
  });

  it("are forgotten with the schema", () => {
    const { view, era } = fixture();
    view.keep("document:1#view", resultOf(), 0);
    era.count++;
    assert.equal(view.result("document:1#view", always), undefined);
  });

  it("are charged with the texts of the context that they were given under", () => {
    const { view, budget } = fixture();
    view.keep("document:1#view", resultOf({ names: ["x"], values: ["x".repeat(60_000)] }), 0);
    assert.ok(budget.bytes > 60_000);
  });
});
