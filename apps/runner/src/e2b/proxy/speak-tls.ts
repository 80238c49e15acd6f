import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';

const handshakeMs = 10_000;

/**
 * The same connection, encrypted. Whose certificate it is nobody asks: the port is the sandbox's own, there is nobody between it
 * and us, and it has no name that somebody could have vouched for.
 */
export async function speakTls(socket: Duplex, gone: AbortSignal): Promise<Duplex> {
  const encrypted = connect({ socket, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  // Unheard an error would end the process, when it comes between two requests.
  encrypted.on('error', () => {});
  // It ends with what is under it, whatever that ended by.
  socket.once('close', () => encrypted.destroy());
  try {
    await once(encrypted, 'secureConnect', { signal: AbortSignal.any([gone, AbortSignal.timeout(handshakeMs)]) });
    return encrypted;
  } catch (error) {
    encrypted.destroy();
    socket.destroy();
    throw error;
  }
}
