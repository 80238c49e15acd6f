/** Flags that say what a sandbox shall be, as they were typed. */
export interface SpecFlags {
  env?: string[];
  workdir?: string;
  user?: string;
  image?: string;
  memory?: string;
  cpus?: string;
  pids?: string;
  hostname?: string;
  volume?: string[];
  network?: string;
}

/** The flags of `run` as they were typed. */
export interface RunFlags extends SpecFlags {
  interactive?: boolean;
  tty?: boolean;
  timeout?: string;
}
