import { EventEmitter } from "node:events";

/** Tells listeners, none of which can keep the guard from its work: what one throws is an uncaught exception of the program, and not ours. */
export class Emitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  tell<Name extends keyof Events & string>(name: Name, ...told: Events[Name]): void {
    try {
      (this as unknown as EventEmitter).emit(name, ...told);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }
}
