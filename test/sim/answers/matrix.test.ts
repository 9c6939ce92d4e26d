import { describe, expect, it } from 'vitest';
import { matrixOf } from '../../../sim/answers/matrix.ts';
import { analysed, masqueraded, twoNetworks } from '../../networks.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';

function cells(nb: ReturnType<typeof twoNetworks>, names: Record<string, string[]>) {
  const { analysis, port } = analysed(nb);
  const groups = Object.entries(names).map(([name, ports]) => ({ name, ports: ports.map(port) }));
  return matrixOf(analysis, groups).cells.map((row) => row.map(({ reach, traffic }) => `${reach} ${traffic}`.trim()));
}

describe('who reaches whom', () => {
  const redAndBlue = { red: ['red1', 'red2'], blue: ['blue1'] };

  it('is everybody where nothing forbids it', () => {
    expect(cells(twoNetworks(), redAndBlue)).toEqual([
      ['all any', 'all any'],
      ['all any', 'none'],
    ]);
  });

  it('is some where some pairs of ports can talk, and says about what', () => {
    const nb = twoNetworks();
    addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1001, 'ip4.src == 10.0.0.11', 'drop');
    addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1000, 'ip4 && tcp.dst == 443', 'allow');
    addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 900, 'ip4', 'drop');
    expect(cells(nb, redAndBlue)[0]).toEqual(['all any', 'some tcp/443']);
  });

  it('is nobody where only replies get through', () => {
    const nb = twoNetworks();
    addAcl(nb, logicalSwitch(nb, 'blue'), 'from-lport', 1000, 'ip4', 'allow-related');
    addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 900, 'outport == "blue1" && ip4', 'drop');
    const [red, blue] = cells(nb, redAndBlue);
    expect(red).toEqual(['all any', 'none']);
    expect(blue?.[0]).toMatch(/^all /);
  });

  it('goes out and not in through a gateway that translates, but for what OVN lets in', () => {
    const [out, back] = cells(masqueraded(), { inside: ['host'], outside: ['wire'] });
    expect(out?.[1]).toMatch(/^all /);
    // OVN's source NAT is no firewall: who addresses the inside directly gets there.
    expect(back?.[0]).toMatch(/^all any/);
  });
});
