/** A server that takes calls in this process. */
export interface Running {
  readonly address: string;
  /** Where it speaks OpenFGA's API. */
  readonly httpAddress?: string | undefined;
  close(): Promise<void>;
}
