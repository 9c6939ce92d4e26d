/** Addresses that are published: by NAT rules and by load balancers, in the northbound database or in flows. */
import { parsePrefix } from '../policy/prefix.ts';
import { isTransport } from './translations.ts';
import type { View } from './view.ts';

/** Matches of the language: what is sent to the published address, and what it is where it arrives. */
export interface Published {
  readonly sent: string;
  readonly arriving: string;
}

/** Everything that a network publishes. */
export function publishedIn({ northbound, southbound }: View): Published[] {
  const rules = northbound
    ? [...northbound.NAT.values()].flatMap((nat) =>
        nat.type === 'snat' ? [] : [{ external: nat.external_ip, inside: nat.logical_ip }],
      )
    : southbound.flows.flatMap(({ stage, match, actions }) => {
        if (stage !== 'lr_in_dnat') return [];
        const [, external] = /\bip[46]\.dst == (\S+)/.exec(match) ?? [];
        const [, inside] = /\bct_dnat(?:_in_czone)?\(([^,)]+)/.exec(actions) ?? [];
        return external && inside ? [{ external, inside }] : [];
      });
  const balanced = northbound
    ? [...northbound.Load_Balancer.values()].map(({ vips, protocol }) => ({ vips, protocol }))
    : (southbound.loadBalancers ?? []);
  const pairs = [
    ...rules.map(({ external, inside }) => ({ sent: to(external), arriving: to(inside) })),
    ...balanced.flatMap(({ vips, protocol }) =>
      Object.entries(vips).flatMap(([vip, backends]) =>
        backends
          .split(',')
          .filter((text) => text.trim() !== '')
          .map((backend) => ({ sent: toService(vip, protocol), arriving: toService(backend.trim(), protocol) })),
      ),
    ),
  ];
  return pairs.flatMap(({ sent, arriving }) => (sent && arriving ? { sent, arriving } : []));
}

/** What is sent to an address or a prefix; undefined if it is none: such a rule publishes nothing. */
function to(text: string): string | undefined {
  const prefix = parsePrefix(text);
  return prefix && `ip${prefix.family}.dst == ${text}`;
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`, or an address alone. */
function toService(text: string, protocol: string | undefined): string | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const address = to(bracketed ?? plain ?? text);
  if (address === undefined || port === undefined) return address;
  return Number(port) > 65535 || !isTransport(protocol ?? 'tcp')
    ? undefined
    : `${address} && ${protocol ?? 'tcp'}.dst == ${port}`;
}
