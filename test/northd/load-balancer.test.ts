import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { parseEndpoint } from '../../engine/northd/load-balancer.ts';
import { buildTopology } from '../../engine/northd/topology.ts';
import { addBalancer, balanced } from './balancers.ts';

describe('an address with or without a port', () => {
  for (const [text, address, port] of [
    ['10.0.0.1', '10.0.0.1', 0],
    ['10.0.0.1:80', '10.0.0.1', 80],
    ['10.0.0.1:', '10.0.0.1', 0],
    ['[10.0.0.1]:80', '10.0.0.1', 80],
    ['fd00:0::1', 'fd00::1', 0],
    ['[fd00::1]', 'fd00::1', 0],
    ['[fd00::1]:65535', 'fd00::1', 65535],
  ] as const) {
    test(text, () => {
      const endpoint = parseEndpoint(text);
      expect(endpoint?.ip.text).toBe(address);
      expect(endpoint?.port).toBe(port);
    });
  }

  test.each(['', ':', ':80', 'x', '10.0.0.256', '010.0.0.1', '10.0.0.1:65536', '10.0.0.1:-1', '10.0.0.1:x', '[]:1'])(
    'but not "%s"',
    (text) => {
      expect(parseEndpoint(text)).toBeUndefined();
    },
  );
});

test('no virtual address and no backend stops the computation', () => {
  const word = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom('10.0.0.1:80', '[fd00::1]:80', '^v', '', '::', '[', ','),
  );
  fc.assert(
    fc.property(fc.dictionary(word, word, { maxKeys: 4 }), fc.boolean(), (vips, template) => {
      const nb = balanced();
      addBalancer(nb, ['a', 'r', 'g'], 'lb', vips, {
        options: { template: String(template), event: 'true', affinity_timeout: '5' },
      });
      const { southbound, warnings } = computeSouthbound(nb);
      const written = buildTopology(nb).routers.flatMap(({ loadBalancers }) => loadBalancers);
      const used = written[0].vips.length;
      expect(used + warnings.filter(({ id }) => id === 'bad-load-balancer').length).toBe(Object.keys(vips).length);
      expect(southbound.flows.filter(({ stage }) => stage === 'lr_in_defrag').length).toBeGreaterThanOrEqual(6);
    }),
  );
});
