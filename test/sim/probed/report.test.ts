import { describe, expect, it } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { builtInProperties } from '../../../sim/probe/properties/index.ts';
import { jsonReport } from '../../../sim/probed/json.ts';
import { textReport } from '../../../sim/probed/text.ts';
import { type Verification, verify } from '../../../sim/verify.ts';
import { redAndBlue } from '../../topology.ts';

function verification(isBroken: boolean): Verification {
  const plans = planTopology(redAndBlue());
  const nb = northboundOfPlan(plans);
  if (isBroken) for (const row of nb.Logical_Router_Policy.values()) if (row.match === '1') row.action = 'allow';
  return verify(computeSouthbound(nb).southbound, plans, { now: () => 0 });
}

const good = verification(false);
const bad = verification(true);
const text = (of: Verification, colour = false): string => textReport(of, { properties: builtInProperties, colour });

describe('the report for people', () => {
  it('names every property once, with its promise', () => {
    for (const { id, promise } of builtInProperties) {
      expect(text(good).match(new RegExp(`^. ${id} `, 'gm'))).toHaveLength(1);
      expect(text(good)).toContain(`    ${promise}\n`);
    }
  });

  it('says that probes are no proof', () => {
    expect(text(good)).toMatch(/PROBED: every packet that was tried did what the manifests promise/);
    expect(text(good)).not.toMatch(/\bholds\b|proved/);
  });

  it('shows who reaches whom', () => {
    expect(text(good)).toContain(`
                    to A B C D E F
  A default/blue-a     ✓ · · · · ✓
  B default/blue-b     · ✓ · · · ✓
  C default/blue-c     · · ✓ · · ·
  D default/red-a      · · · ✓ ✓ ✓
  E default/red-b      · · · ✓ ✓ ✓
  F outside            · · · · ✓  
`);
  });

  it('shows the packet, its way and whom to blame', () => {
    expect(text(bad)).toMatch(/^✗ external-ingress-blocked +violated/m);
    expect(text(bad)).toMatch(/^ {6}packet {3}inport == "default\/blue@n2\+external:localnet" && /m);
    expect(text(bad)).toMatch(/^ {6}frame {4}[0-9a-f]+$/m);
    expect(text(bad)).toMatch(/lr_in_policy 1: 1 → .*\(DPUVPC\/default\/blue\)$/m);
    expect(text(bad)).toMatch(/^ {8}test\.yaml:\d+:\d+$/m);
    expect(text(bad)).toMatch(/VIOLATED: \d+ promises broken/);
  });

  it('is coloured for a terminal only', () => {
    expect(text(bad)).not.toContain('\u001b');
    expect(text(bad, true)).toContain('\u001b[31m');
  });
});

describe('the report for programs', () => {
  it('has the documented form', () => {
    const report = JSON.parse(jsonReport(bad));
    expect(Object.keys(report)).toEqual(['verdict', 'topology', 'properties', 'elapsedMs']);
    expect(Object.keys(report.topology)).toEqual(['vpcs', 'networks', 'interfaces', 'nodes', 'logicalFlows']);
    const broken = report.properties.find(({ verdict }: { verdict: string }) => verdict === 'violated');
    expect(broken).toMatchObject({
      id: expect.any(String),
      subject: expect.any(String),
      method: 'probe',
      reason: expect.any(String),
      counterexample: { inport: expect.any(String), frame: expect.any(String), microflow: expect.any(String) },
      source: [{ file: 'test.yaml', line: expect.any(Number), column: expect.any(Number) }, ...broken.source.slice(1)],
    });
  });

  it('is the same for the same topology', () => {
    expect(jsonReport(verification(false))).toBe(jsonReport(good));
  });
});
