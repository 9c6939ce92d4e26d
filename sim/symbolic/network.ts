/** A southbound database made ready to be analysed: its ports numbered, its datapaths sorted into components. */
import type { PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Network, NetworkDatapath, NetworkPort } from './types.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Types of Port_Binding behind which there is something that OVN does not know: ovn-sb(5). */
const outsideTypes = new Set(['localnet', 'l2gateway', 'vtep', 'remote']);
/** Types that lead to another datapath, or stand for such a port. */
const insideTypes = new Set(['patch', 'l3gateway', 'chassisredirect', 'localport']);

export interface NetworkOptions {
  /**
   * The numbers of ports by name (`numbersOf`), so that packets of several networks mean the same port by the same number;
   * ports that are missing there get numbers behind these.
   */
  readonly numbers?: ReadonlyMap<string, number>;
  /** What `is_chassis_resident` says, where the network is seen by one chassis. */
  readonly isResident?: (port: string) => boolean;
}

/** A number from 1 for each name of a port in the databases: equal names have equal numbers. */
export function numbersOf(databases: readonly Southbound[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { logicalPort } of databases.flatMap(({ ports }) => ports)) {
    if (!numbers.has(logicalPort)) numbers.set(logicalPort, numbers.size + 1);
  }
  return numbers;
}

/** Indexes a southbound database. What it cannot use becomes a warning. */
export function networkOf(southbound: Southbound, { numbers = new Map(), isResident }: NetworkOptions = {}): Network {
  const warnings: string[] = [];
  const datapaths = new Map<string, Mutable<NetworkDatapath> & { ports: NetworkPort[] }>();
  for (const { uuid, name, kind } of southbound.datapaths) {
    datapaths.set(uuid, { uuid, name, kind, ports: [], component: 0 });
  }
  const ports = new Map<string, Mutable<NetworkPort>>();
  const portsByNumber = Array.from({ length: numbers.size + 1 }, (): NetworkPort | undefined => undefined);
  for (const binding of southbound.ports) {
    const datapath = datapaths.get(binding.datapath);
    const { logicalPort: name } = binding;
    if (!datapath || ports.has(name)) {
      const why = datapath ? 'there is another one of that name' : 'it belongs to a datapath that does not exist';
      warnings.push(`port "${name}" is left out: ${why}`);
      continue;
    }
    const edge = edgeOf(binding, datapath.kind);
    const number = numbers.get(name) ?? portsByNumber.length;
    const port: NetworkPort = { number, name, binding, datapath, ...(edge && { edge }) };
    ports.set(name, port);
    portsByNumber[number] = port;
    datapath.ports.push(port);
  }
  linkPeers(ports);
  const components = sortIntoComponents([...datapaths.values()]);
  return { southbound, datapaths, ports, portsByNumber, components, warnings, ...(isResident && { isResident }) };
}

function edgeOf({ type, options }: PortBinding, kind: 'switch' | 'router'): 'vif' | 'outside' | undefined {
  if (outsideTypes.has(type)) return 'outside';
  // A router's port without a peer leads nowhere, and a switch's local port only to its own chassis.
  if (kind === 'router' || (insideTypes.has(type) && type !== 'localport') || options.peer !== undefined)
    return undefined;
  return 'vif';
}

/**
 * Two ports are peers that name each other, as ovn-controller has it (controller/physical.c, get_binding_peer): who names one that
 * does not know it leads nowhere. ovn-trace links both where it happens to read the one that is named first.
 */
function linkPeers(ports: ReadonlyMap<string, Mutable<NetworkPort>>): void {
  for (const port of ports.values()) {
    const { type, options } = port.binding;
    const peer = type === 'patch' || type === 'l3gateway' ? ports.get(options.peer ?? '') : undefined;
    if (peer?.binding.options.peer === port.name) port.peer = peer;
  }
}

/** Numbers the components, and gives them in the order of their first datapaths. */
function sortIntoComponents(
  datapaths: readonly (Mutable<NetworkDatapath> & { ports: readonly NetworkPort[] })[],
): NetworkDatapath[][] {
  const components: NetworkDatapath[][] = [];
  const done = new Set<NetworkDatapath>();
  for (const first of datapaths) {
    if (done.has(first)) continue;
    const component: Mutable<NetworkDatapath>[] = [first];
    done.add(first);
    for (let i = 0; i < component.length; i++) {
      const datapath = component[i] as Mutable<NetworkDatapath>;
      datapath.component = components.length;
      for (const { peer } of datapath.ports) {
        if (!peer || done.has(peer.datapath)) continue;
        done.add(peer.datapath);
        component.push(peer.datapath);
      }
    }
    components.push(component);
  }
  return components;
}
