import type { MessageLayout } from '../../packages/zygote-ipc/src/wire/messages.ts';

/** The first of the layouts that fits into a line, as the formatter would choose; else the last. */
export function fitting(...layouts: readonly (readonly string[])[]): readonly string[] {
  return layouts.find((lines) => lines.every((line) => line.length <= 120)) ?? layouts.at(-1) ?? [];
}

export function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export function isEmpty(layout: MessageLayout): boolean {
  return layout.fields.length + layout.descriptors.length === 0;
}
