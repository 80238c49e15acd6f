const name = 'connect-timeout-ms';
/** setTimeout's longest delay: a longer one would fire at once. */
const maxDelayMs = 2_147_483_647;

/** Ten digits are valid, and so more than a timer can wait for: such a call has 24 days. */
export function boundTimeout(header: Headers): void {
  const given = header.get(name) ?? '';
  if (/^\d{10}$/.test(given) && Number(given) > maxDelayMs) header.set(name, String(maxDelayMs));
}
