/** Macros of <errno.h> and <stdio.h>: a member of that name does not compile with every libc. */
const macros: ReadonlySet<string> = new Set(['errno', 'stdin', 'stdout', 'stderr']);

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function memberName(name: string): string {
  const member = snakeCase(name);
  return macros.has(member) ? `${member}_` : member;
}

export function constantName(name: string): string {
  return `WIRE_${snakeCase(name).toUpperCase()}`;
}
