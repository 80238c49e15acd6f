/** The flags of `run` as they were typed. */
export interface RunFlags {
  interactive?: boolean;
  tty?: boolean;
  env?: string[];
  workdir?: string;
  user?: string;
  image?: string;
  memory?: string;
  cpus?: string;
  pids?: string;
  timeout?: string;
  hostname?: string;
  volume?: string[];
  network?: string;
}
