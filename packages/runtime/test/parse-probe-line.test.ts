import { describe, expect, it } from 'vitest';
import { parseProbeLine } from '../src/doctor/parse-probe-line.ts';

describe('a line of the shim’s mode probe', () => {
  it('becomes a finding that names the error, its cost and a remedy', () => {
    expect(parseProbeLine('{"name":"overlay","ok":false,"errno":19,"detail":"fsopen(overlay)"}')).toEqual({
      name: 'overlay',
      ok: false,
      detail: 'fsopen(overlay): ENODEV, no such device',
      needed: true,
      cost: 'no sandbox can be made',
      remedy: expect.stringContaining('modprobe overlay'),
    });
    expect(parseProbeLine('{"name":"proc","ok":true,"errno":0,"detail":"fine"}')).toEqual({
      name: 'proc',
      ok: true,
      detail: 'fine',
      needed: true,
      cost: null,
      remedy: null,
    });
  });

  it('of a probe that this version does not know is shown and required of nobody', () => {
    const finding = parseProbeLine('{"name":"toString","ok":false,"errno":0,"detail":"no"}');
    expect(finding).toMatchObject({ name: 'toString', ok: false, needed: false, detail: 'no' });
  });

  it.each(['', 'text', 'null', '[]', '{}', '{"name":1,"ok":true,"errno":0,"detail":""}'])(
    'is refused when it is %j',
    (line) => {
      expect(() => parseProbeLine(line)).toThrow();
    },
  );
});
