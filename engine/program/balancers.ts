/**
 * Load balancers' backends that call their own service, as flows of the
 * chassis' own table: `chk_lb_hairpin` looks there, and `ct_snat_to_vip` for the address
 * that the caller will seem to have (controller/lflow.c, `add_lb_vip_hairpin_flows`).
 * The address first asked for is where the flows of the load balancer keep it: reg1 or xxreg1,
 * and reg2[0..15].
 */
import { TABLE_HAIRPIN } from '../../asm/plane/image.ts';
import { parseIpv4, parseIpv6 } from '../lang/index.ts';
import type { LoadBalancer, LogicalFlow } from '../ovsdb/southbound.ts';

/** The flows on one datapath for the load balancers that it has. */
export function hairpinFlows(datapath: string, balancers: readonly LoadBalancer[]): LogicalFlow[] {
  return balancers.flatMap((balancer) =>
    Object.entries(balancer.vips).flatMap(([vip, backends]) => {
      const service = parseEndpoint(vip);
      if (!service) return [];
      return backends.split(',').flatMap((text) => {
        const backend = parseEndpoint(text.trim());
        return backend && backend.family === service.family ? [flowOf(datapath, balancer, service, backend)] : [];
      });
    }),
  );
}

interface Endpoint {
  family: 4 | 6;
  ip: string;
  /** 0 for every port. */
  port: number;
}

function flowOf(datapath: string, balancer: LoadBalancer, service: Endpoint, backend: Endpoint): LogicalFlow {
  const ip = service.family === 4 ? 'ip4' : 'ip6';
  const parts = [`${ip}.src == ${backend.ip}`, `${ip}.dst == ${backend.ip}`];
  parts.push(`${service.family === 4 ? 'reg1' : 'xxreg1'} == ${service.ip}`);
  if (service.port > 0) {
    const protocol = balancer.protocol ?? 'tcp';
    parts.push(`reg2[0..15] == ${service.port}`, `${protocol}.dst == ${backend.port}`);
  }
  parts.push('(ct_mark.natted == 1 || ct_label.natted == 1)');
  const match = parts.join(' && ');
  return {
    uuid: `${balancer.uuid} ${match}`,
    datapath,
    pipeline: 'ingress',
    table: TABLE_HAIRPIN,
    stage: 'chk_lb_hairpin',
    priority: 100,
    match,
    actions: `${ip}.src = ${callerAddress(balancer, service)};`,
    source: '',
  };
}

/** `options:hairpin_snat_ip` of that family, else the service's own. */
function callerAddress({ options }: LoadBalancer, { family, ip }: Endpoint): string {
  const chosen = (options.hairpin_snat_ip ?? '').split(/[\s,]+/);
  return chosen.find((text) => (family === 4 ? parseIpv4(text) : parseIpv6(text)) !== undefined) ?? ip;
}

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1` or `[fd00::1]:80`. */
function parseEndpoint(text: string): Endpoint | undefined {
  const parts = /^\[([^\]]+)\](?::(\d+))?$|^([^:]+):(\d+)$|^(.+)$/.exec(text);
  const ip = parts?.[1] ?? parts?.[3] ?? parts?.[5] ?? '';
  const port = Number(parts?.[2] ?? parts?.[4] ?? 0);
  if (parseIpv4(ip) !== undefined) return { family: 4, ip, port };
  return parseIpv6(ip) === undefined ? undefined : { family: 6, ip, port };
}
