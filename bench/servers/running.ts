/** A server that takes calls in this process. */
export interface Running {
  readonly address: string;
  close(): Promise<void>;
}
