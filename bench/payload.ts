/** `tiny` is a static program of 416 bytes on x86-64, `busybox` Debian's static one: its own page faults cost more than most runtimes. */
export type PayloadName = 'tiny' | 'busybox' | 'none';

export const payloadCommands: Readonly<Record<PayloadName, readonly string[]>> = {
  tiny: ['/bin/tiny'],
  busybox: ['/bin/busybox', 'true'],
  none: [],
};
