import { limits } from "../../base/limits.js";
import type { AuditFilter, AuditRecord } from "../../model/audit.js";
import { matches, matchesAll } from "../matching.js";
import { groupRecords } from "./block.js";
import { breathe } from "./breath.js";
import { entryOf, Records, shownRecord } from "./records.js";
import type { Run } from "./run.js";
import { AnyOf, PlacesInMemory, PlacesInSegment, type Postings, type Segment, type SegmentReader } from "./segment.js";
import { type Term, termsOfFilter } from "./terms.js";

export interface SearchOrder {
  readonly filter: AuditFilter;
  /** Absent: all. */
  readonly tenant?: string;
  /** The first record that is looked at; absent: the oldest, or the newest. */
  readonly start?: number;
  /** None from here on; absent: to the newest. */
  readonly end?: number;
  readonly oldestFirst: boolean;
  readonly limit: number;
}

export interface Found {
  readonly records: readonly AuditRecord[];
  /** Where to go on; absent: there is no more. It may be there though nothing more will be found. */
  readonly next?: number;
}

/** What a search reads: the log at one moment. */
export interface SearchView {
  readonly size: number;
  readonly kept: number;
  /** By how much an instant may lie below the highest before it. */
  readonly late: number;
  readonly records: Records;
  readonly segments: readonly Segment[];
  readonly reader: SegmentReader;
  /** Behind the segments, oldest first. */
  readonly runs: readonly Run[];
}

/** Some records, whose postings stand together. */
interface Part {
  readonly from: number;
  readonly to: number;
  postings(terms: readonly Term[]): Postings;
}

/** Fewer candidates than that are read, rather than looked for in long lists too. */
const fewPostings = 64;

/** How many postings are asked for before a page ends as it is. */
const seeksMax = 10 * limits.auditScanRecordsMax;

/**
 * Goes through the records of an interval, in one direction, from part to part of the index. In each the lists of all terms are joined: each in turn is asked for
 * the nearest place at or beyond the one that the others have come to, until all agree. What they agree on is a candidate; its payload decides.
 */
export class Search {
  readonly #view: SearchView;
  readonly #order: SearchOrder;
  readonly #ended: () => boolean;
  readonly #found: AuditRecord[] = [];
  #bytes = 0;
  #reads = 0;
  #seeks = 0;
  #sliceStart = performance.now();

  /** @param ended nobody waits for it any more */
  constructor(view: SearchView, order: SearchOrder, ended: () => boolean) {
    this.#view = view;
    this.#order = order;
    this.#ended = ended;
  }

  async run(): Promise<Found> {
    const { filter, tenant, oldestFirst } = this.#order;
    const [first, end] = this.#interval();
    const terms = termsOfFilter(filter, tenant);
    for (const part of this.#parts()) {
      const [from, to] = [Math.max(first, part.from), Math.min(end, part.to)];
      if (from >= to) continue;
      const next = await this.#searchPart(part, terms, oldestFirst ? from : to - 1, from, to);
      if (next !== undefined) return next >= first && next < end ? { records: this.#found, next } : { records: this.#found };
    }
    return { records: this.#found };
  }

  /** Returns where to go on once the page has ended, which may lie outside of the interval. */
  async #searchPart(part: Part, terms: readonly Term[][], start: number, from: number, to: number): Promise<number | undefined> {
    const step = this.#order.oldestFirst ? 1 : -1;
    const lists = this.#lists(part, terms);
    for (let at = start; at >= from && at < to; at += step) {
      const place = this.#join(lists, at - part.from);
      if (place === undefined) return undefined;
      at = part.from + place;
      if (at < from || at >= to) return undefined;
      const group = Math.floor(at / groupRecords);
      if (this.#mayHold(group)) this.#look(at);
      else at = this.#edgeOf(group);
      if (this.#pageEnds()) return at + step;
      if (performance.now() - this.#sliceStart > limits.auditSliceMs && !(await this.#pause())) return at + step;
    }
    return undefined;
  }

  /** The shortest first; where it is short, it alone is enough. */
  #lists(part: Part, terms: readonly Term[][]): readonly Postings[] {
    const lists = terms.map((each) => part.postings(each));
    const counts = new Map(lists.map((list) => [list, list.count]));
    // Sorting is stable: of equal ones that which tells more stays ahead.
    lists.sort((a, b) => compare(counts.get(a)!, counts.get(b)!));
    const shortest = lists[0];
    return shortest !== undefined && counts.get(shortest)! <= fewPostings ? [shortest] : lists;
  }

  #join(lists: readonly Postings[], start: number): number | undefined {
    let place = start;
    for (let agreed = 0, at = 0; agreed < lists.length; at = (at + 1) % lists.length) {
      const found = lists[at]!.seek(place);
      if (found === undefined) return undefined;
      agreed = found === place ? agreed + 1 : 1;
      place = found;
      // What they have come to by then is a candidate like any other.
      if (++this.#seeks >= seeksMax) return place;
    }
    return place;
  }

  /** Whether one of the group's records can be of the instants that are asked for. */
  #mayHold(number: number): boolean {
    const { from, to } = this.#order.filter;
    if (from === undefined && to === undefined) return true;
    const { lowest, highest } = this.#view.records.group(number);
    return (from === undefined || highest >= from) && (to === undefined || lowest < to);
  }

  /** The last record of a group that the search comes past; that it does counts as looking one up. */
  #edgeOf(group: number): number {
    this.#seeks++;
    return this.#order.oldestFirst ? (group + 1) * groupRecords - 1 : group * groupRecords;
  }

  #look(index: number): void {
    this.#reads++;
    const { filter, tenant } = this.#order;
    const record = this.#view.records.at(index);
    const found = "payload" in record ? matches(entryOf(record.payload), filter, tenant) : matchesAll(filter, tenant);
    if (!found) return;
    this.#found.push(shownRecord(index, record));
    this.#bytes += "payload" in record ? record.payload.length : 0;
  }

  #pageEnds(): boolean {
    return this.#found.length >= this.#order.limit || this.#bytes >= limits.pageBytesMax || this.#reads >= limits.auditScanRecordsMax || this.#seeks >= seeksMax;
  }

  /** Resolves to whether to go on. */
  async #pause(): Promise<boolean> {
    await breathe();
    this.#sliceStart = performance.now();
    return !this.#ended();
  }

  /** Which records can be meant: from the first, inclusive, to the second, exclusive. */
  #interval(): [number, number] {
    const { size, kept, late } = this.#view;
    const { filter, start, end = size, oldestFirst } = this.#order;
    let [first, behind] = [kept, Math.min(end, size)];
    if (filter.from !== undefined) first = Math.max(first, this.#firstGroup(filter.from) * groupRecords);
    // One behind the first group by whose end all later ones are too late.
    if (filter.to !== undefined) behind = Math.min(behind, (this.#firstGroup(filter.to + late) + 1) * groupRecords);
    if (start === undefined) return [first, behind];
    return oldestFirst ? [Math.max(first, start), behind] : [first, Math.min(behind, start + 1)];
  }

  /** The first by whose end an instant at or above this one has come. */
  #firstGroup(instant: number): number {
    let [first, end] = [this.#view.kept / groupRecords, Math.ceil(this.#view.size / groupRecords)];
    while (first < end) {
      const middle = Math.floor((first + end) / 2);
      if (this.#view.records.group(middle).high < instant) first = middle + 1;
      else end = middle;
    }
    return first;
  }

  #parts(): readonly Part[] {
    const { segments, runs, reader } = this.#view;
    const descending = !this.#order.oldestFirst;
    const parts: Part[] = segments.map((segment) => ({
      from: segment.from,
      to: segment.to,
      postings: (terms) => anyOf(terms.map((term) => new PlacesInSegment(reader, segment, term, descending)), descending),
    }));
    for (const run of runs) {
      parts.push({ from: run.from, to: run.to, postings: (terms) => new PlacesInMemory(run.find(terms), descending) });
    }
    return descending ? parts.reverse() : parts;
  }
}

function anyOf(lists: readonly Postings[], descending: boolean): Postings {
  return lists.length === 1 ? lists[0]! : new AnyOf(lists, descending);
}

/** Infinities are equal, which their difference does not say. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
