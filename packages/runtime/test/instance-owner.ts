import { openInstance } from '../src/instance/instance.ts';

// A process that opens an instance, says where it is, and lives until it is killed or its stdin ends.
const [runDirectory = '', name = ''] = process.argv.slice(2);
const instance = openInstance({ runDirectory, name: name === '' ? null : name });
process.stdout.write(`${instance.directory}\n`);
process.stdin.resume();
