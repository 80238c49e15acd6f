/** Bytes that are laid out like a Mach-O program: a header, one segment, and a code signature when there is one. */
export function machO(signature: Buffer | null, machine: number = 0x0100_000c): Buffer {
  const code = Buffer.alloc(4000, 'code');
  const commands = [segment(0, 4096)];
  if (signature !== null) commands.push(codeSignature(4096, signature.length));
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeed_facf, 0);
  header.writeUInt32LE(machine, 4);
  header.writeUInt32LE(commands.length, 16);
  const head = Buffer.concat([header, ...commands]);
  return Buffer.concat(
    [head, code.subarray(0, 4096 - head.length), signature ?? Buffer.alloc(0)],
    4096 + (signature?.length ?? 0),
  );
}

function segment(offset: number, size: number): Buffer {
  const command = Buffer.alloc(72);
  command.writeUInt32LE(0x19, 0);
  command.writeUInt32LE(command.length, 4);
  command.writeBigUInt64LE(BigInt(offset), 40);
  command.writeBigUInt64LE(BigInt(size), 48);
  return command;
}

function codeSignature(offset: number, size: number): Buffer {
  const command = Buffer.alloc(16);
  command.writeUInt32LE(0x1d, 0);
  command.writeUInt32LE(command.length, 4);
  command.writeUInt32LE(offset, 8);
  command.writeUInt32LE(size, 12);
  return command;
}
