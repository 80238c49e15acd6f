/** What a server tells on standard output when it answers, for the person who started it. */
export interface Greeting {
  readonly socket: string;
  /** null: no TCP. */
  readonly url: string | null;
  /** Only when it has just been made: nobody can ask for it later. */
  readonly newKey: string | null;
  readonly hasKeys: boolean;
  /** The certificate that clients have to be told to trust; null: none. */
  readonly trustPath: string | null;
}

export function greetingOf({ socket, url, newKey, hasKeys, trustPath }: Greeting): string {
  if (url === null) return `hatchery listens at ${socket}\n`;
  const key = newKey === null ? '' : `API key, shown this once: ${newKey}\n`;
  const hint = hasKeys ? '' : 'There is no API key: "hatchery keys create NAME" makes one.\n';
  return `hatchery listens at ${url}\n${key}${hint}\n${snippetOf(url, newKey ?? 'e2b_...', trustPath)}\n`;
}

/** Pasted into a shell, it runs a command in a sandbox by E2B's own client. */
function snippetOf(url: string, key: string, trustPath: string | null): string {
  const trust = trustPath === null ? '' : ` NODE_EXTRA_CA_CERTS='${trustPath.replaceAll("'", `'\\''`)}'`;
  return `To try it, paste this into a shell:

npm install e2b
export E2B_API_URL=${url} E2B_SANDBOX_URL=${url} E2B_API_KEY=${key}${trust}
cat > try-hatchery.mjs <<'END'
import { Sandbox } from 'e2b';
const sandbox = await Sandbox.create();
const { stdout } = await sandbox.commands.run('echo "hello from $(hostname)"');
console.log(stdout);
await sandbox.kill();
END
node try-hatchery.mjs
`;
}
