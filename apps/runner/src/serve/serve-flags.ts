/** The flags of `serve` as they were typed. */
export interface ServeFlags {
  runDirectory: string;
  dataDirectory: string;
  instance: string;
  socket?: string;
  host: string;
  port: string;
  logLevel: string;
  onExit: string;
  poolFloor: string;
  poolCeiling: string;
}
