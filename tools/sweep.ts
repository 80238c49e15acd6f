// usage: npm run sweep -- [OPERATION] [ROLE] [STEP]   ('' for all)
//
// Kills the runner, the zygote and the init at every system call (every STEP-th) of each operation by strace(1), restarts
// once, and looks for leaks and unstable states. Prints each operation's points and whatever was wrong.
import { isSwept, sweep, sweptOperations, sweptRoles } from '../packages/runtime/test/kill-sweep.ts';

const [onlyOperation, onlyRole, stepText = '1'] = process.argv.slice(2);
const step = Number(stepText);
if (!Number.isInteger(step) || step < 1) throw new Error(`sweep: "${stepText}" is no step`);
let all = 0;
const wrong: string[] = [];

for (const operation of sweptOperations) {
  for (const role of sweptRoles) {
    if (!isSwept(operation, role) || (onlyOperation || operation) !== operation || (onlyRole || role) !== role)
      continue;
    const states = new Map<string, number>();
    let points = 0;
    for await (const { killed, state, call, wrong: fault } of sweep(operation, role, { step, most: 2000 })) {
      points += Number(killed);
      states.set(state, (states.get(state) ?? 0) + 1);
      if (fault !== null) wrong.push(`${operation}, ${role}, call ${call}: ${fault}`);
    }
    all += points;
    const found = [...states].map(([state, count]) => `${state} ${count}`).join(', ');
    console.log(`${operation}, ${role} killed: ${points} points; after the restart: ${found}`);
  }
}
for (const fault of wrong) console.log(`wrong: ${fault}`);
console.log(`${all} points, ${wrong.length} wrong`);
if (wrong.length > 0) process.exitCode = 1;
