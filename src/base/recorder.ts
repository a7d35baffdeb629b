/**
 * Where decisions, and what else happens, are written down. Whoever decides hands its entries over in the order in which they came to be, and
 * knows nothing of what becomes of them.
 */
export interface Recorder<Entry> {
  /**
   * Takes the entry; it is not changed afterwards. Undefined: nobody has to wait. A promise: what the entry is about must be kept back until it
   * resolves, and is refused where it rejects.
   *
   * @param grants whether something is given away by it: revocations wait for nothing, and denials only where more is kept back than may be
   */
  record(entry: Entry, grants: boolean): Promise<void> | undefined;
}
