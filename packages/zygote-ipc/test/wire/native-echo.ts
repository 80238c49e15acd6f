import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WireErrorCode } from '../../src/wire/wire-error.ts';
import { compileNative } from './compile-native.ts';

export type NativeParty = 'any' | 'runtime' | 'zygote' | 'init';

export interface NativeFrame {
  readonly data: Uint8Array;
  readonly fdCount: number;
  readonly me?: NativeParty;
  readonly peer?: NativeParty;
}

export type NativeAnswer =
  | { readonly code: null; readonly data: Buffer; readonly fds: number[] }
  | { readonly code: WireErrorCode; readonly text: string; readonly fdCount: number };

const partyBits: Readonly<Record<NativeParty, number>> = { any: 0, runtime: 1, zygote: 2, init: 4 };

/** In the order of `enum wire_error_kind`. */
const codes: readonly WireErrorCode[] = [
  'ERR_WIRE_TRUNCATED',
  'ERR_WIRE_TOO_LARGE',
  'ERR_WIRE_VERSION',
  'ERR_WIRE_TAG',
  'ERR_WIRE_LENGTH',
  'ERR_WIRE_DIRECTION',
  'ERR_WIRE_DESCRIPTORS',
  'ERR_WIRE_LIMIT',
  'ERR_WIRE_VALUE',
  'ERR_WIRE_TRAILING',
];

/** The native codec, compiled with AddressSanitizer and UndefinedBehaviorSanitizer: bytes in, what it made of them out. */
export class NativeEcho implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'hatchery-wire-'));
  readonly #program: string;

  constructor() {
    try {
      this.#program = compileNative('wire-echo', this.#folder);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Decodes and encodes again. Throws when the program crashes or a sanitizer complains. */
  echo(frames: readonly NativeFrame[]): NativeAnswer[] {
    return this.#run([], frames);
  }

  /** Each of `texts` as the text of a `failed` message. */
  failed(texts: readonly Uint8Array[]): NativeAnswer[] {
    return this.#run(
      ['failed'],
      texts.map((data) => ({ data, fdCount: 0 })),
    );
  }

  #run(args: string[], frames: readonly NativeFrame[]): NativeAnswer[] {
    const input = Buffer.concat(frames.flatMap((frame) => [head(frame), frame.data]));
    const { status, signal, stdout, stderr } = spawnSync(this.#program, args, { input, maxBuffer: 1 << 30 });
    if (status !== 0) throw new Error(`wire-echo ended with ${status ?? signal}:\n${stderr.toString()}`);
    const answers = [...readAnswers(stdout)];
    if (answers.length !== frames.length) throw new Error(`${answers.length} answers to ${frames.length} frames`);
    return answers;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

function head({ data, fdCount, me = 'any', peer = 'any' }: NativeFrame): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(data.length, 0);
  bytes.writeUInt8(partyBits[me], 4);
  bytes.writeUInt8(partyBits[peer], 5);
  bytes.writeUInt16LE(fdCount, 6);
  return bytes;
}

function* readAnswers(output: Buffer): Generator<NativeAnswer> {
  let at = 0;
  while (at < output.length) {
    const length = output.readUInt32LE(at);
    const kind = output.readUInt8(at + 4);
    const fdCount = output.readUInt8(at + 5);
    const data = output.subarray(at + 6, at + 6 + length);
    at += 6 + length;
    const fds = Array.from({ length: fdCount }, (_, index) => output.readUInt32LE(at + 4 * index));
    at += 4 * fdCount;
    if (kind === 0) {
      yield { code: null, data, fds };
      continue;
    }
    const code = codes[kind - 1];
    if (code === undefined) throw new Error(`wire-echo answered with error kind ${kind}`);
    yield { code, text: data.toString(), fdCount };
  }
}
