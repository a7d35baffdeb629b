import { limits } from "../../base/limits.js";

/** What one comparison of two schemas may cost, so that no two texts, however made, hold a server up. */
export class DiffBudget {
  #left: number = limits.schemaDiffBitsMax;

  /** False once there is no more: the caller then says that it does not know. */
  spend(cost: number): boolean {
    this.#left -= cost;
    return this.#left >= 0;
  }
}
