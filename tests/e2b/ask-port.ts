import { request } from 'node:http';

/** What a server in a sandbox answers through the public proxy. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Asks by the Host that `getHost()` gave: its name leads to the server's address, as DNS would have it. */
export async function askHost(
  url: string,
  host: string,
  options: { path?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { path = '/', headers = {} } = options;
  return await new Promise((resolve, reject) => {
    request(new URL(path, url), { headers: { ...headers, host } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
