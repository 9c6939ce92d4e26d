import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageVersion, takeConclusion } from '../../cli/command.ts';
import { emitVerdict, verdictFormatOption } from '../../cli/verdict.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { reportFormats } from '../../sim/report/index.ts';
import type { Verdict } from '../../sim/verdict.ts';
import { twoNetworks } from '../networks.ts';
import { properties, violated } from '../sim/report/sample.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verdict-'));
});
afterAll(() => rm(folder, { recursive: true }));

const subject = { inputs: ['a.yaml', 'b'], properties, southbound: computeSouthbound(twoNetworks()).southbound };

describe('a verdict on the command line', () => {
  it('is told in every form there is', async () => {
    expect(verdictFormatOption().argChoices).toEqual([...reportFormats]);
    const output = join(folder, 'report');
    const starts = {
      text: '2 VPCs',
      json: '{\n  "verdict": "violated"',
      junit: '<?xml',
      sarif: '{\n  "$schema"',
      html: '<!DOCTYPE',
    };
    for (const format of reportFormats) {
      await emitVerdict(violated, subject, { format, output });
      const text = await readFile(output, 'utf8');
      expect(text.slice(0, 24)).toContain(starts[format].slice(0, 24));
      expect(text.endsWith('\n')).toBe(true);
      expect(text).not.toContain('\u001b');
    }
    const html = await readFile(output, 'utf8');
    expect(html).toContain('<title>lflow verify: a.yaml b</title>');
    expect(html).toContain(`lflow ${packageVersion()}`);
    expect(html).toContain('<svg');
  });

  it.each<[Verdict, number]>([
    ['holds', 0],
    ['vacuous', 0],
    ['violated', 1],
    ['unknown', 3],
  ])('that is %s ends with status %i', async (verdict, expected) => {
    takeConclusion();
    await emitVerdict({ ...violated, verdict }, subject, { format: 'json', output: join(folder, 'status') });
    expect(takeConclusion()).toBe(expected);
  });
});
