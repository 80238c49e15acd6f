import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import { CliError } from '../cli-error.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/**
 * The address that a host stands for. One that others than this machine reach is refused unless `isSafe`: keys would cross the
 * network in the clear. Throws ERR_SERVER_ADDRESS.
 */
export async function resolveAddress(host: string, { isSafe }: { isSafe: boolean }): Promise<string> {
  const address = await find(host);
  if (isSafe || loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return address;
  throw new CliError(
    'ERR_SERVER_ADDRESS',
    `--host ${host}: others than this machine reach it, and API keys would cross the network in the clear; give --tls-cert and --tls-key, listen on 127.0.0.1 behind something that speaks TLS, or give --insecure-http`,
  );
}

async function find(host: string): Promise<string> {
  try {
    // What is an address already, is taken as it is.
    return (await lookup(host)).address;
  } catch (error) {
    const why = (error as Error).message;
    throw new CliError('ERR_SERVER_ADDRESS', `--host ${host} is no address: ${why}; give one of this machine`);
  }
}
