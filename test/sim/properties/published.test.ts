import { expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { insertRow } from '../../../engine/ovsdb/northbound.ts';
import { publishedIn } from '../../../sim/properties/published.ts';
import { verifyNetwork } from '../../../sim/verifier.ts';
import { addNat, addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from '../../northd/router/build.ts';
import { globalOptions } from '../../northd/topologies.ts';

function network(vips: Record<string, string>, external: string): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  addPort(nb, 's', 'vm', ['0a:00:00:00:00:01 10.0.0.5']);
  addRouter(nb, 'r', { options: { chassis: 'c1' } });
  addRouterPort(nb, 'r', 'r-s', '0a:00:00:00:00:02', ['10.0.0.1/24']);
  attach(nb, 's', 'r-s');
  addNat(nb, 'r', 'dnat_and_snat', external, '10.0.0.5');
  const balancer = insertRow(nb, 'Load_Balancer', 'lb', { name: 'lb', vips });
  for (const row of nb.Logical_Router.values()) row.load_balancer.push(balancer._uuid);
  return nb;
}

const published = (nb: Northbound) => publishedIn({ northbound: nb } as Parameters<typeof publishedIn>[0]);

test('rules and services of both families', () => {
  const nb = network({ '[fd00::1]:80': '[fd00::5]:8080', '203.0.113.9': '10.0.0.5' }, '203.0.113.2');
  expect(published(nb)).toEqual([
    { sent: 'ip4.dst == 203.0.113.2', arriving: 'ip4.dst == 10.0.0.5' },
    { sent: 'ip6.dst == fd00::1 && tcp.dst == 80', arriving: 'ip6.dst == fd00::5 && tcp.dst == 8080' },
    { sent: 'ip4.dst == 203.0.113.9', arriving: 'ip4.dst == 10.0.0.5' },
  ]);
});

test('what is no address publishes nothing, and the network is verified all the same', () => {
  const vips = { '[fd00::1': '10.0.0.5:80', '203.0.113.9:99999': '10.0.0.5:80', '203.0.113.9:80': 'nobody:80' };
  const nb = network(vips, '203.0.113.300');
  globalOptions(nb, { svc_monitor_mac: 'nonsense' });
  expect(published(nb)).toEqual([]);
  const { properties } = verifyNetwork({ ...computeSouthbound(nb), northbound: nb });
  expect(properties.length).toBeGreaterThan(10);
});

test('nor do what is no protocol, no range and no prefix', () => {
  const nb = network({ '203.0.113.9:80': '10.0.0.5:80' }, '203.0.113.2');
  const uuid = insertRow(nb, 'Address_Set', 'odd', { name: 'odd', addresses: ['nonsense'] })._uuid;
  for (const row of nb.Load_Balancer.values()) row.protocol = 'nonsense';
  for (const row of nb.NAT.values()) Object.assign(row, { external_port_range: '\\', allowed_ext_ips: uuid });
  for (const row of nb.Logical_Router_Port.values()) row.networks.push('10.0.9.1/99');
  expect(published(nb)).toEqual([{ sent: 'ip4.dst == 203.0.113.2', arriving: 'ip4.dst == 10.0.0.5' }]);
  const { properties } = verifyNetwork({ ...computeSouthbound(nb), northbound: nb });
  expect(properties.length).toBeGreaterThan(10);
});
