/** Breaks C lines of more than 120 columns after a comma, as far right as fits. */
export function wrap(text: string): string {
  return text.split('\n').map(wrapLine).join('\n');
}

function wrapLine(line: string): string {
  if (line.length <= 120 || line.includes('/*')) return line;
  const comma = line.lastIndexOf(', ', 118);
  if (comma < 0) return line;
  const indent = ' '.repeat(line.length - line.trimStart().length + 4);
  return `${line.slice(0, comma + 1)}\n${wrapLine(indent + line.slice(comma + 2))}`;
}
