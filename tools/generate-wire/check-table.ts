import { type MessageLayout, oldestInitVersion, wireVersion } from '../../packages/zygote-ipc/src/wire/messages.ts';
import { descriptorCounts, parties, table } from './table.ts';

/** What the generated code takes for granted; a table that breaks it is refused with the message's name. */
export function checkTable(): void {
  const owners = new Map<number, string>();
  for (const [name, layout] of table) {
    const owner = owners.get(layout.tag);
    if (owner !== undefined) throw new Error(`messages ${owner} and ${name} have the same tag ${layout.tag}`);
    if (!Number.isInteger(layout.tag) || layout.tag < 1 || layout.tag > 0xffff) {
      throw new Error(`message ${name}: tag ${layout.tag} is no number of 1 to 65535`);
    }
    owners.set(layout.tag, name);
    checkParties(name, layout);
    checkNames(name, layout);
    checkVersions(name, layout);
    checkDescriptors(name, layout);
  }
}

function checkParties(name: string, layout: MessageLayout): void {
  for (const list of [layout.from, layout.to]) {
    if (list.length === 0 || new Set(list).size !== list.length || list.some((party) => !parties.includes(party))) {
      throw new Error(`message ${name}: parties [${list.join(', ')}]`);
    }
  }
}

function checkNames(name: string, layout: MessageLayout): void {
  const seen = new Set(['request']);
  for (const [member] of [...layout.fields, ...layout.descriptors]) {
    if (!/^[a-z][a-zA-Z0-9]*$/.test(member) || seen.has(member)) {
      throw new Error(`message ${name}: "${member}" is no camelCase name, or there twice`);
    }
    seen.add(member);
  }
}

function checkVersions(name: string, layout: MessageLayout): void {
  for (const since of [layout.since, ...[...layout.fields, ...layout.descriptors].map(([, , , version]) => version)]) {
    if (since === undefined) continue;
    if (!Number.isInteger(since) || since <= oldestInitVersion || since > wireVersion)
      throw new Error(`message ${name}: since ${since}, versions after ${oldestInitVersion} are up to ${wireVersion}`);
  }
}

function checkDescriptors(name: string, layout: MessageLayout): void {
  const { optional } = descriptorCounts(layout);
  if (optional.length > 8)
    throw new Error(`message ${name}: ${optional.length} optional descriptors, the mask has 8 bits`);
  for (const [index, [member, kind, , since]] of layout.descriptors.entries()) {
    if (kind.kind !== 'list') {
      if (since !== undefined) throw new Error(`message ${name}: descriptor ${member} came later and is no list`);
      continue;
    }
    if (index !== layout.descriptors.length - 1) throw new Error(`message ${name}: the list ${member} is not the last`);
    if (kind.max > 255) throw new Error(`message ${name}: list ${member} of ${kind.max}, its length is one byte`);
  }
}
