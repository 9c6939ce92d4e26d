/** Backends that call their own load balancer: `chk_lb_hairpin` and its kin, by the rows of Load_Balancer. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { type Address, parseAddress } from '../trace/addresses.ts';
import { type Certainty, combined, matching, type Test } from './matching.ts';
import { type Here, parted, type Run } from './run.ts';
import type { State } from './state.ts';
import { at, type Store, write } from './store.ts';
import { constantOf } from './value.ts';

/** One backend of one virtual address. */
interface Hairpin {
  readonly vip: Address;
  /** 0 for every port. */
  readonly vipPort: number;
  readonly backend: Address;
  readonly backendPort: number;
  /** The address that hairpinned packets get as their source. */
  readonly source: bigint;
  readonly protocol: number;
}

const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

function hairpins({ network }: Run, { datapath }: Here): Hairpin[] {
  const { loadBalancers = [] } = network.southbound;
  return loadBalancers
    .filter(({ datapaths }) => datapaths.includes(datapath.datapath.uuid))
    .flatMap(({ vips, protocol = 'tcp', options }) =>
      Object.entries(vips).flatMap(([key, list]) => {
        const [address, port] = endOf(key);
        if (!address) return [];
        return list.split(',').flatMap((text): Hairpin[] => {
          const [backend, backendPort] = endOf(text.trim());
          if (!backend || backend.family !== address.family) return [];
          const own = (options.hairpin_snat_ip ?? '').split(/\s+/).flatMap((ip) => parseAddress(ip) ?? []);
          const source = own.find(({ family }) => family === address.family) ?? address;
          const number = port === 0 ? 0 : (protocols[protocol] ?? 6);
          return [{ vip: address, vipPort: port, backend, backendPort, source: source.value, protocol: number }];
        });
      }),
    );
}

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1` or `[fd00::1]:80`. */
function endOf(text: string): [Address | undefined, number] {
  const parts = /^\[([^\]]+)\](?::(\d+))?$|^([^:]+):(\d+)$|^(.+)$/.exec(text);
  return [parseAddress(parts?.[1] ?? parts?.[3] ?? parts?.[5] ?? ''), Number(parts?.[2] ?? parts?.[4] ?? 0)];
}

const is = (place: number, width: number, value: bigint): Test => ({
  type: 'bits',
  place,
  value,
  mask: (1n << BigInt(width)) - 1n,
  equal: true,
});

const source = ({ family }: Address) => (family === 4 ? at.ip4Src : at.ip6Src);
const destination = ({ family }: Address) => (family === 4 ? at.ip4Dst : at.ip6Dst);
const widthOf = ({ family }: Address) => (family === 4 ? 32 : 128);
const typeOf = ({ family }: Address) => is(at.ethType, 16, family === 4 ? 0x800n : 0x86ddn);

function common({ backend, protocol }: Hairpin): Test[] {
  return [typeOf(backend), ...(protocol === 0 ? [] : [is(at.ipProto, 8, BigInt(protocol))])];
}

function forwardTest(one: Hairpin): Test {
  const { vip, vipPort, backend, backendPort } = one;
  const width = widthOf(backend);
  const asked = vip.family === 4 ? at.ctNwDst : at.ctIp6Dst;
  return combined('and', [
    ...common(one),
    { type: 'bits', place: at.ctState, value: 128n, mask: 128n, equal: true },
    is(source(backend), width, backend.value),
    is(destination(backend), width, backend.value),
    is(asked, width, vip.value),
    ...(vipPort === 0 ? [] : [is(at.ctTpDst, 16, BigInt(vipPort)), is(at.tpDst, 16, BigInt(backendPort || vipPort))]),
  ]);
}

function replyTest(one: Hairpin): Test {
  const { vipPort, backend, backendPort } = one;
  const width = widthOf(backend);
  return combined('and', [
    ...common(one),
    is(source(backend), width, backend.value),
    is(destination(backend), width, one.source),
    ...(vipPort === 0 ? [] : [is(at.tpSrc, 16, BigInt(backendPort || vipPort))]),
  ]);
}

const union = ({ space }: Run, store: Store, tests: readonly Test[], certainty: Certainty): PacketSet =>
  space.orAll(tests.map((test) => matching(space, store, test, certainty)));

/** The packets that come back to their own sender. */
export function hairpin(run: Run, here: Here, store: Store, certainty: Certainty): PacketSet {
  return union(run, store, hairpins(run, here).map(forwardTest), certainty);
}

/** The packets that may be answers of such a sender to itself. */
export function hairpinReply(run: Run, here: Here, store: Store): PacketSet {
  return union(run, store, hairpins(run, here).map(replyTest), 'may');
}

/** `ct_snat_to_vip`: hairpinned packets come from the virtual address; those of which that is not known may. */
export function toVirtualAddress(run: Run, here: Here, state: State): State[] {
  const { space, stores } = run;
  const changed: State[] = [];
  let rest: State[] = [state];
  for (const one of hairpins(run, here)) {
    const test = forwardTest(one);
    const address = constantOf(stores.values, widthOf(one.backend), one.source);
    const parts = rest.flatMap((each) =>
      parted(run, each, matching(space, each.store, test, 'may'), matching(space, each.store, test, 'must')),
    );
    for (const { state: some, is: isHairpin } of parts) {
      if (isHairpin) changed.push({ ...some, store: write(stores, some.store, source(one.backend), address) });
    }
    rest = parts.flatMap((part) => (part.is ? [] : [part.state]));
  }
  return [...changed, ...rest];
}
