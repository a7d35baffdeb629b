export interface ConnectUsherOptions {
  /** Where the service mounts `browserStream`. */
  readonly url: string;
  /** Asks the service for a fresh token, before each stream. */
  readonly token: () => string | Promise<string>;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Default: `Math.random`. */
  readonly random?: () => number;
}

export interface BindableElement {
  disabled?: boolean;
  hidden?: boolean;
}

export interface UsherConnection extends EventTarget {
  /** Whether it is allowed now, by what was heard and by both clocks. */
  allowed(object: string, permission: string): boolean;
  /** Disables the element, or hides it where it cannot be disabled, while it is not allowed. Returns what ends that. */
  bind(element: BindableElement, object: string, permission: string): () => void;
  /** Denies everything from now on. */
  close(): void;
}

export function connectUsher(options: ConnectUsherOptions): UsherConnection;
