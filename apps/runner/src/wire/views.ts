import type { CreatedFrom, ExecOptions, ExitStatus, SandboxState } from '@hatchery/runtime';

/** A sandbox as the API shows it. */
export interface SandboxView {
  id: string;
  lifecycleId: string;
  state: SandboxState;
  /** Why it is `failed`; otherwise null. */
  failure: string | null;
  createdAt: string;
  createdFrom: CreatedFrom;
  /** null: never. */
  expiresAt: string | null;
  /** Of its network slot; null: it has none, or does not run. */
  address: string | null;
  metadata: Record<string, string>;
  /** How many run. */
  executions: number;
}

/** An execution as the API shows it. */
export interface ExecutionView {
  id: string;
  /** Inside the sandbox. */
  pid: number;
  tag: string | null;
  /** Its beginning, when it is long; null when an earlier server started it. */
  command: string[] | null;
  startedAt: string | null;
  /** null: it runs. */
  status: ExitStatus | null;
}

/** What an exec asks for; the options that the API takes of the runtime's. */
export interface ExecRequest {
  command: [string, ...string[]];
  options?: Pick<ExecOptions, 'cwd' | 'env' | 'user' | 'tag' | 'stdin' | 'tty' | 'timeoutMs' | 'killGraceMs'>;
}

/** The payload of a frame `started`. */
export interface StartedView {
  id: string;
  pid: number;
}

/** The payload of a frame `taken`: `closed` when the program will read no more. */
export interface TakenView {
  bytes: number;
  closed: boolean;
}

/** The payload of a frame `gap`; null: how many is not known. */
export interface GapView {
  stream: 'stdout' | 'stderr';
  offset: number;
  bytes: number | null;
}

/** An error on its way: the message starts with the code. */
export interface ErrorView {
  code: string;
  message: string;
  step: string | null;
}
