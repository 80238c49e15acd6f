/** One way of using one method of a client. */
export interface Row<Trial, Refusal extends string = string> {
  /** As `clientMethods()` names it. */
  readonly method: string;
  /** What its user sees. */
  readonly claim: string;
  /** What is not there, and is refused by name; left out: it works. */
  readonly refusal?: Refusal;
  run(trial: Trial): Promise<void> | void;
}

/** What came of a row with one version: nothing else can stand in the table. */
export type Outcome = 'works' | `refused: ${string}` | 'fails';

/** One version of a client, and what came of its rows. */
export interface TriedVersion<Trial> {
  /** Its package and version. */
  readonly version: string;
  readonly outcomes: Map<Row<Trial>, Outcome>;
}
