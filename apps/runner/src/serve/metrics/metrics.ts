import { type Execution, HatcheryError, type Sandbox } from '@hatchery/runtime';
import { Counter, Histogram, Registry } from 'prom-client';
import { addProcess } from './add-process.ts';
import { addSandboxes } from './add-sandboxes.ts';
import { addThreads } from './add-threads.ts';
import type { MetricSources } from './metric-sources.ts';

/** From a parked sandbox (a millisecond) to a machine that is short of everything. */
const createBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const requestBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

/** What is called by its name. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** One answered request. */
export interface AnsweredRequest {
  /** Which of the APIs answered it. */
  readonly api: 'socket' | 'control' | 'envd' | 'proxy';
  readonly method: string;
  /** As it is declared, never what was asked; undefined: it has none. */
  readonly route: string | undefined;
  readonly status: number;
  readonly seconds: number;
}

/**
 * What Prometheus reads at /metrics. Labels hold what hatchery itself names, never what a client sent, so that there is a bound
 * to them and no secret in them. docs/metrics.md lists them.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #creates: Histogram<'from'>;
  readonly #failedCreates: Counter<'code'>;
  readonly #executions: Counter;
  readonly #exits: Counter<'reason'>;
  readonly #requests: Counter<'api' | 'method' | 'route' | 'status'>;
  readonly #requestSeconds: Histogram<'api'>;

  constructor(sources: MetricSources) {
    const registers = [this.#registry];
    this.#creates = new Histogram({
      name: 'hatchery_sandbox_create_seconds',
      help: 'From the call to a sandbox that takes commands; from: pool (it had been made ahead) or demand',
      labelNames: ['from'],
      buckets: createBuckets,
      registers,
    });
    this.#failedCreates = new Counter({
      name: 'hatchery_sandbox_create_failures_total',
      help: 'Creates that failed or were refused, by error code',
      labelNames: ['code'],
      registers,
    });
    this.#executions = new Counter({
      name: 'hatchery_executions_total',
      help: 'Executions that clients have started',
      registers,
    });
    this.#exits = new Counter({
      name: 'hatchery_execution_exits_total',
      help: 'Executions that have ended, adopted ones included, by reason',
      labelNames: ['reason'],
      registers,
    });
    this.#requests = new Counter({
      name: 'hatchery_http_requests_total',
      help: 'Requests that have been answered, or whose client has gone',
      labelNames: ['api', 'method', 'route', 'status'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'hatchery_http_request_seconds',
      help: 'From their headers to the last byte of the answer; those that stream go on for as long as the stream',
      labelNames: ['api'],
      buckets: requestBuckets,
      registers,
    });
    addSandboxes(this.#registry, sources);
    addThreads(this.#registry, sources);
    addProcess(this.#registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In the format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Counts a create, and how long it takes. */
  async creating<T extends Pick<Sandbox, 'createdFrom'>>(create: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      const sandbox = await create();
      this.#creates.observe({ from: sandbox.createdFrom }, (performance.now() - startedAt) / 1000);
      return sandbox;
    } catch (error) {
      this.#failedCreates.inc({ code: error instanceof HatcheryError ? error.code : 'ERR_INTERNAL' });
      throw error;
    }
  }

  /** Counts an execution that has just been started. */
  started(execution: Pick<Execution, 'wait'>): void {
    this.#executions.inc();
    this.ending(execution);
  }

  /** Counts the end of one, whoever started it. */
  ending(execution: Pick<Execution, 'wait'>): void {
    // Without an exit the runtime has closed, and nobody reads this any more.
    execution.wait().then(
      ({ reason }) => this.#exits.inc({ reason }),
      () => {},
    );
  }

  answered({ api, method, route = 'none', status, seconds }: AnsweredRequest): void {
    // What a server inside a sandbox answers with is its own affair, and so is what a client calls its method.
    const told = api === 'proxy' ? `${Math.trunc(status / 100)}xx` : status;
    this.#requests.inc({ api, method: methods.has(method) ? method : 'other', route, status: told });
    this.#requestSeconds.observe({ api }, seconds);
  }
}
