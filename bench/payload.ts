/** `tiny` is a static program of 416 bytes on x86-64, `busybox` Debian's static one: its own page faults cost more than most runtimes. */
export type PayloadName = 'tiny' | 'byte' | 'busybox' | 'none';

export const payloadCommands: Readonly<Record<PayloadName, readonly string[]>> = {
  tiny: ['/bin/tiny'],
  byte: ['/bin/byte'],
  busybox: ['/bin/busybox', 'true'],
  none: [],
};
