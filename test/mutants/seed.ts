import * as fc from "fast-check";

/** Loaded before the suites that a mutant is run against: the same random cases each time, and no shrinking, since which case catches it is of no interest. */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_260_101, endOnFailure: true });
